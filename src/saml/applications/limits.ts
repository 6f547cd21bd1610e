import { DAY, MINUTE } from '#kernel/clock.ts';

/** Characters of an address of an application, and of its entity identifier (SAML Core §8.3.6: 1024). */
export const LONGEST_ADDRESS = 1024;
/** Addresses of one kind that an application may register. */
export const MOST_ENDPOINTS = 20;
/** Two of each use during a roll-over, and some to spare. */
export const MOST_CERTIFICATES = 8;
/** Characters of a certificate as PEM: one of RSA with 4096 bits has 2,000. */
export const LONGEST_CERTIFICATE = 8192;
/** RFC 7518 §3.3: RSA keys of 2048 bits or more. */
export const LEAST_RSA_BITS = 2048;
/** Attributes of one assertion. */
export const MOST_ATTRIBUTES = 50;
/** Characters of the name and of the constant value of an attribute. */
export const LONGEST_ATTRIBUTE = 512;
/** Characters of the RelayState of a launch: applications take an address here. */
export const LONGEST_RELAY_STATE = 2048;
/** Milliseconds from the issue of an assertion to its end: the browser posts it at once. */
export const ASSERTION_LIFETIME = 5 * MINUTE;
/** Days before the end of a certificate at which operators are warned, the last one first. */
export const WARNING_DAYS = [1, 7, 30] as const;
/** Milliseconds by which the clock of an application may be behind ours. */
export const CLOCK_ALLOWANCE = MINUTE;
/** Bytes of a posted form: a message of 256 KiB as base64, and RelayState. */
export const LARGEST_FORM = 400 * 1024;
/** Milliseconds for which a session at an application can be signed out: no session of ours lasts longer. */
export const SESSION_KNOWN_FOR = 400 * DAY;
/** Milliseconds that a browser takes to visit the applications one after the other. */
export const LOGOUT_CHAIN_LIFETIME = 10 * MINUTE;
/** Milliseconds for which an application may act on a request to sign out. */
export const LOGOUT_REQUEST_LIFETIME = 5 * MINUTE;
