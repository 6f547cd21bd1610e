import { DAY, HOUR } from '#kernel/clock.ts';
import { SIGN_IN_LIFETIME } from '#oidc/module.ts';

/** The longest that a browser may be trusted: the row knows when it ends. */
export const LONGEST_DEVICE_TRUST = 30 * DAY;
/** A sign-in ends sooner than that after the account was created in it. */
export const ACCOUNT_NEW_FOR = HOUR;
/** What a browser keeps of its sign-in beside the engine's cookie counts as long as the sign-in may stand open. */
export const SIGN_IN_OPEN_FOR = SIGN_IN_LIFETIME;
