import { DAY, MINUTE } from '#kernel/clock.ts';

/** Two places closer than this are one: an address is placed coarsely. */
export const SAME_PLACE_KM = 500;
/** Long enough to fill in the form for which the work is done. */
export const CHALLENGE_LIFETIME = 10 * MINUTE;
/** Hashes that a browser makes in about a second; what a guesser pays for each guess. */
export const LEAST_WORK = 20_000;
/** Hashes of the hardest challenge: about three seconds of an honest browser. */
export const MOST_WORK = 60_000;
/** Characters: no honest answer is longer. */
export const LONGEST_WORK_ANSWER = 2048;
/** A sign-in longer ago says nothing about a habit. */
export const TRACE_KEPT_FOR = 180 * DAY;
/** The newest sign-ins of a user with which a new one is compared. */
export const COMPARED_SIGN_INS = 50;
