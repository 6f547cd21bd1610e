import { DAY, HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/** Rows that the clean-up compares with the clients at once. */
export const PURGE_PAGE = 1000;
/** Bytes: a brand changes colours and spaces; our whole stylesheet is smaller than this. */
export const LONGEST_STYLESHEET = 32 * 1024;
/** Bytes: every visitor loads it with the first page. */
export const LARGEST_LOGO = 256 * 1024;
/** Brands in memory, one for each client that is used. */
export const MOST_KEPT_BRANDS = 10_000;
/** Nodes notify each other of changes; a change without a message, such as a restored backup, is seen after this time at the latest. */
export const BRAND_FRESH_FOR = 30 * SECOND;

/** Pixels of the logo of a client as it is stored: twice the largest size on a page. */
export const CLIENT_LOGO_BOX = { width: 512, height: 192 };
/** A logo that needs more to be decoded is an attack, or a photograph. */
export const CLIENT_LOGO_DRAWING = { pixels: 16_000_000, seconds: 5 };
/** Bytes and milliseconds of one fetch. */
export const CLIENT_LOGO_FETCH = { maxBytes: 512 * 1024, totalTimeout: 5 * SECOND };
/** Longer than fetching and drawing together. */
export const CLIENT_LOGO_JOB_EXPIRY = 30 * SECOND;
/** How long a logo is not fetched again, by `max-age` of its server within these bounds. */
export const CLIENT_LOGO_FRESH = { usual: DAY, shortest: HOUR, longest: 7 * DAY };
/** A logo whose server fails is shown this long after the last fetch that succeeded. */
export const CLIENT_LOGO_KEPT = 14 * DAY;
/** The first wait after a fetch that failed, doubled each time, and the longest. */
export const CLIENT_LOGO_RETRY = { first: 5 * MINUTE, max: DAY };
/** A node asks for the logo of a client at most once in this time. */
export const LOGO_REQUEST_INTERVAL = MINUTE;
/** Clients whose last request a node remembers. */
export const MOST_LOGO_REQUESTS = 10_000;
/** Logos that a node remembers, without their pictures. */
export const MOST_KEPT_LOGOS = 10_000;
/** The address of a logo changes with its content. */
export const CLIENT_LOGO_CACHING = 'public, max-age=31536000, immutable';
