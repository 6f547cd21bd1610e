import { HOUR, SECOND } from '#kernel/clock.ts';

/** Seconds that a JWT access token of an API may live: it cannot be taken back, and its key stays published as long. */
export const LONGEST_JWT_SECONDS = HOUR / SECOND;
/** NIST SP 800-63B-4 §3.1.1.2: code points of a password that alone signs in. */
export const LEAST_CODE_POINTS = 15;
/** NIST SP 800-63B-4 §3.1.1.2: code points of a password that is never alone. */
export const LEAST_CODE_POINTS_WITH_SECOND_FACTOR = 8;
/** Combined policies that are kept, a few KiB each; above this number all are computed again when they are asked for. */
export const MOST_COMBINED = 2_000;
/** A limit this many times its default is as good as none. */
export const FAR_ABOVE = 10;
