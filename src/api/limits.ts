import { DAY, MINUTE, SECOND } from '#kernel/clock.ts';

/** The time within which calls of one caller, and refused tokens of one address, are counted. */
export const CALL_WINDOW = MINUTE;
/** A process takes this part of the calls of a minute from the shared count at once. */
export const LOTS_OF_LIMIT = 60;

/** Entries of a list, where a call names no limit: a list of everything would hold up the server. */
export const LISTED_WITHOUT_LIMIT = 100;

/** Entity tags of one condition: more than a client has versions of one object. */
export const MOST_TAGS = 32;
/** A turn to change an object ends by itself after this time, where a process ended in it. The longest call asks another server once. */
export const LONGEST_TURN = 30 * SECOND;
/** A call waits this long for its turn. Changes of one object take milliseconds each. */
export const LONGEST_TURN_WAIT = 2 * SECOND;
/** Milliseconds until the first further attempt to get a turn; doubled up to the longest. */
export const FIRST_TURN_DELAY = 10;
/** Milliseconds between later attempts: short enough that a turn is not left unused. */
export const LONGEST_TURN_DELAY = 100;

/** The answer to a call with an idempotency key is given again for this long. */
export const ANSWER_KEPT_FOR = DAY;
/** A key whose call has no outcome, because its process ended, is free after this time: longer than any call takes. */
export const LONGEST_RUN = 2 * MINUTE;
/** Characters that the explorer looks for: more than a noun, a verb and a permission. */
export const LONGEST_QUERY = 200;
