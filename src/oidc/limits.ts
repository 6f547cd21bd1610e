import { DAY, HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/** Characters of a `jti`, which is remembered against replay: several times a UUID. */
export const LONGEST_JTI = 512;
/** Seconds by which the clock of a client may differ in its assertions. */
export const ASSERTION_CLOCK_SKEW = MINUTE / SECOND;
/** The same for clients of FAPI 2.0, and for everything else that is signed (FAPI 2.0 Security Profile §5.3.2.1). */
export const STRICT_CLOCK_SKEW = 10;
/** The time within which failures of a client to authenticate are counted. */
export const CLIENT_FAILURE_WINDOW = 5 * MINUTE;
/** Milliseconds that a try of a suspect waits for its turn. */
export const LONGEST_CLIENT_WAIT = 2 * SECOND;
/** Suspects remembered by this process; one that falls out is counted again with the next failure. */
export const MOST_SUSPECTS = 10_000;
/** Tokens of machines kept in this process, some hundred bytes each. */
export const MOST_MACHINE_TOKENS = 200_000;
/** Seconds: a session older than this is proved again before a device is let in (RFC 8628 §5.4). */
export const DEVICE_SESSION_AGE = (10 * MINUTE) / SECOND;
/** The time within which registrations from one address are counted. */
export const REGISTRATION_WINDOW = HOUR;
/** RFC 8628 §3.2: seconds between two polls of a device, unless it receives slow_down. */
export const DEVICE_POLL_INTERVAL = 5 * SECOND;
/** The time within which wrong user codes are counted: as long as a device code lives (RFC 8628 §5.1). */
export const USER_CODE_WINDOW = 10 * MINUTE;
/** Devices that one browser connects at once, a cookie of some 300 bytes each. */
export const MOST_SHOWN_DEVICES = 4;
/** Seconds: pages seldom come alone; the row is written once for all pages of a minute. */
export const SESSION_TRACE_EVERY = MINUTE / SECOND;
/** Browsers keep about 180 cookies of a host and drop the oldest; a sign-in uses six, including the engine's. */
export const MOST_BEGUN_SIGN_INS = 25;
/** More than there are claims; an address of 8 KiB could hold hundreds. */
export const MOST_CLAIMS = 100;
/** Seconds by which the clock of a client may be ahead in a signed request (FAPI 2.0 Security Profile §5.3.2.1). */
export const REQUEST_OBJECT_AHEAD = MINUTE / SECOND;
/** Answers with one and the same successor to a refresh token that was just used: more than the tabs or processes of an application. */
export const MOST_REPEATS = 250;
/** Rows that one statement deletes: few enough that no request waits for it. */
export const PURGE_BATCH = 5000;
/** Tries of a write that met another one of the same row. */
export const MOST_WRITE_TRIES = 3;
/** Artifacts found lately that are kept in this process. */
export const MOST_RECENT_FINDS = 10_000;
/** Tokens of callers of the management API that were checked a moment ago. */
export const MOST_RECENT_CHECKS = 1000;
/** Characters. Longer addresses fail on their way through proxies. */
export const LONGEST_KEPT_PATH = 4096;
/** Characters of the id of a client; a longer one is not written down. */
export const LONGEST_CLIENT_ID = 64;
/** Seconds that an initial access token may live: it lets its holder register clients. */
export const LONGEST_INITIAL_TOKEN = (90 * DAY) / SECOND;
/** Characters of the name of an organization in a request: more than an id or a slug has. */
export const LONGEST_ORGANIZATION = 128;
/** Permissions in one token. A longer list makes it too long for headers; `access.check` answers for the rest. */
export const MOST_TOLD_PERMISSIONS = 100;
/** A client that tries a refused refresh token again and again is recorded once in this time. */
export const REFUSED_REFRESH_RECORDED_EVERY = HOUR;
