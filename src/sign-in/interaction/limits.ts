import { DEVICE_KNOWN_FOR } from '#credentials/module.ts';
import { DAY, HOUR } from '#kernel/clock.ts';
import { SIGN_IN_LIFETIME } from '#oidc/module.ts';

/** The longest that a browser may be trusted: the row knows when it ends. */
export const LONGEST_DEVICE_TRUST = 30 * DAY;
/** A sign-in ends sooner than that after the account was created in it. */
export const ACCOUNT_NEW_FOR = HOUR;
/** Since the last sign-in in a browser, after which it forgets the account: as long as the account knows the browser. */
export const ACCOUNT_REMEMBERED_FOR = DEVICE_KNOWN_FOR;
/** Accounts of one browser: a family, or a user with some accounts. The one that was not used for longest goes first. */
export const MOST_REMEMBERED = 5;
/** Characters that are kept of a name, which is shown in one line. */
export const LONGEST_REMEMBERED_NAME = 60;
/** Bytes of all remembered accounts before encryption; one always fits. All cookies have to fit in the 8 kB that proxies take. */
export const LARGEST_REMEMBERED = 1200;
/** The lifetime of our cookies of a sign-in: as long as a sign-in may stay open. */
export const SIGN_IN_OPEN_FOR = SIGN_IN_LIFETIME;
