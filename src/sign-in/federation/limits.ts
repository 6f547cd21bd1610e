import { DAY, MINUTE } from '#kernel/clock.ts';

/** To a provider and back: long enough for one that asks for a second factor; not longer than the transaction of a connection. */
export const LONGEST_WAY = 10 * MINUTE;
/** As long as browsers remember accounts: the next sign-in may be months away. */
export const PROVIDER_REMEMBERED_FOR = 180 * DAY;
