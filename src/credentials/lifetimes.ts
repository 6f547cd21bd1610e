import { DAY, MINUTE, SECOND } from '#kernel/clock.ts';

/** A browser that is not seen for this long is a stranger again; its cookie lives as long. */
export const DEVICE_KNOWN_FOR = 180 * DAY;
/** A code lives this long, even when the link of the same mail lives longer (NIST SP 800-63B-4 §3.1.3.2). */
export const CODE_LIFETIME = 10 * MINUTE;
/** Between two mails or text messages that one browser asks for again; a mail takes as long. */
export const RESEND_PAUSE = 30 * SECOND;
/** A browser that asked again is counted for this long. */
export const RESENDS_COUNTED_FOR = 15 * MINUTE;
/** A used or expired secret is kept so long, so that it differs from a secret that never existed. */
export const SPENT_SECRET_KEPT_FOR = DAY;
/** WebAuthn 3 §13.4.3 leaves it to us; long enough to fetch a key from another room. */
export const CHALLENGE_LIFETIME = 5 * MINUTE;
/** New recovery codes can be seen again so long, until their owner says that they are kept. */
export const RECOVERY_CODES_SHOWN_FOR = 15 * MINUTE;
/** A secret that was shown waits so long for its first code. */
export const TOTP_ENROLMENT_LIFETIME = 15 * MINUTE;
/** How long before a change an intruder may have prepared it. */
export const INTRUDER_PREPARATION = 3 * DAY;
/** How long before an act on the account its sign-in was at most: such acts ask for one within five minutes, and its steps take some. */
export const SIGN_IN_BEFORE_ACT = 15 * MINUTE;
