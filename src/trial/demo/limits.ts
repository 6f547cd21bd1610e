import { HOUR, MINUTE } from '#kernel/clock.ts';

/** As long as a visitor tries the demo in one go. */
export const VISIT_LIFETIME = HOUR;
/** As long as a sign-in may stand open. */
export const DEMO_SIGN_IN_LIFETIME = 15 * MINUTE;
/** Visits in memory; the oldest make room. */
export const MOST_VISITS = 1000;
/** Sign-ins of one visit that are open at once, in as many tabs. */
export const MOST_PENDING_SIGN_INS = 8;
