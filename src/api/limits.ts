import { MINUTE } from '#kernel/clock.ts';

/** The time within which calls of one caller, and refused tokens of one address, are counted. */
export const CALL_WINDOW = MINUTE;
/** A process takes this part of the calls of a minute from the shared count at once. */
export const LOTS_OF_LIMIT = 60;

/** Entries of a list, where a call names no limit: a list of everything would hold up the server. */
export const LISTED_WITHOUT_LIMIT = 100;
