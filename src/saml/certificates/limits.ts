import { DAY } from '#kernel/clock.ts';

/** Users who get the letter about one kind of certificate: an instance, or an organization, has some administrators. */
export const MOST_READERS = 20;
/** Milliseconds for which a certificate that ended stays in letters about others. */
export const ENDED_SHOWN_FOR = 7 * DAY;
/** Milliseconds after the end of a certificate until its row goes. */
export const WARNING_KEPT_FOR = 90 * DAY;
