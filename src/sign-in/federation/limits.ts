import { DAY, HOUR, MINUTE } from '#kernel/clock.ts';

/** To a provider and back: long enough for one that asks for a second factor; not longer than the transaction of a connection. */
export const LONGEST_WAY = 10 * MINUTE;
/** As long as browsers remember accounts: the next sign-in may be months away. */
export const PROVIDER_REMEMBERED_FOR = 180 * DAY;
/** A row is removed at the latest this long after its session here ended, and a sign-in that was not finished lives shorter. */
export const UPSTREAM_SESSION_CHECKED_EVERY = HOUR;
/** Characters of an ID token that is kept for the sign-out there: it has to fit in an address. */
export const LONGEST_SIGN_OUT_HINT = 6000;
/** Characters of a logout token: it says less than an ID token. */
export const LONGEST_LOGOUT_TOKEN = 16 * 1024;
/** Characters of the name of a session that an attacker cannot guess: 96 bits in base64url. */
export const SHORTEST_GUESSLESS_NAME = 16;
/** Characters of a state that the provider sends back: the address of an application, encrypted. */
export const LONGEST_STATE = 4096;
/** Names of sessions of SAML, which other service providers may know: a signed request alone ends them. */
export const SIGNED_NAME = 'saml:';
/** Bytes of a form with an answer of SAML: 256 KiB of XML in base64, with its plus signs and line ends escaped. */
export const LARGEST_SAML_FORM = 448 * 1024;
