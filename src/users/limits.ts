import { DAY, MINUTE } from '#kernel/clock.ts';

/** Users in memory, some hundred bytes each. */
export const MOST_KEPT_USERS = 20_000;
/** Accounts that one run closes: each is a transaction that writes in many tables. */
export const DUE_CLOSINGS_BATCH = 100;
/** Contacts of each kind (addresses, numbers), the first one included. */
export const MOST_CONTACTS = 10;
/** As long as a change of address can be undone: no other user gets the address that was given up before. */
export const UNDO_WINDOW = 3 * DAY;
/** More than any camera; a small file can unpack to many gigabytes. */
export const MOST_PIXELS = 50_000_000;
/** Seconds: a picture that takes longer to read is an attack. */
export const LONGEST_DECODING_SECONDS = 10;
/** Characters of a text for which the definition of its field names no limit. */
export const LONGEST_PROPERTY_TEXT = 256;
/** Reading a picture is work: as many as a user tries who cannot decide. */
export const PICTURE_UPLOADS = { name: 'picture', points: 20, duration: 10 * MINUTE };
