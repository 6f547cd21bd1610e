import { HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/** Seconds: NIST SP 800-63B-4 §2.3.3 has 15 minutes for the highest level. */
export const ADMINISTRATOR_IDLE_SECONDS = (15 * MINUTE) / SECOND;
/** Seconds: NIST SP 800-63B-4 §2.3.3 has 12 hours for the highest level. */
export const ADMINISTRATOR_ABSOLUTE_SECONDS = (12 * HOUR) / SECOND;
/** Characters of the path to which a sign-in returns, which travels in `state`. */
export const LONGEST_RETURN_PATH = 1024;
/** Seconds: how lately users have proved who they are before they change how they prove it, in a sign-in and after it. */
export const LATELY = (5 * MINUTE) / SECOND;
