import { DAY, HOUR } from '#kernel/clock.ts';
import { SIGN_IN_LIFETIME } from '#oidc/module.ts';

/** The longest that a browser may be trusted: the row knows when it ends. */
export const LONGEST_DEVICE_TRUST = 30 * DAY;
/** A sign-in ends sooner than that after the account was created in it. */
export const ACCOUNT_NEW_FOR = HOUR;
/** The lifetime of our cookies of a sign-in: as long as a sign-in may stay open. */
export const SIGN_IN_OPEN_FOR = SIGN_IN_LIFETIME;
