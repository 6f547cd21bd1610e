import { DAY, SECOND } from '#kernel/clock.ts';

/** Acts on one page of the activity: about two screens. */
export const ACTIVITY_PAGE = 30;
/** Events in an export; a user who has more gets the newest. */
export const MOST_EXPORTED_EVENTS = 10_000;
/** Devices on the overview, which has a page with all of them behind it. */
export const MOST_OVERVIEW_DEVICES = 3;
/** A picture that changes has another address, so browsers keep it a year. */
export const PICTURE_CACHING = `public, max-age=${(365 * DAY) / SECOND}, immutable`;
/** Requests to join on one page; the next ones come up as these are answered. */
export const MOST_SHOWN_REQUESTS = 50;
