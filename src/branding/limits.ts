import { SECOND } from '#kernel/clock.ts';

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
