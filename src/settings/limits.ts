import { HOUR, SECOND } from '#kernel/clock.ts';

/** Seconds that a JWT access token of an API may live: it cannot be taken back, and its key stays published as long. */
export const LONGEST_JWT_SECONDS = HOUR / SECOND;
