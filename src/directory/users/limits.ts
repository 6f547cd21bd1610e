import { DAY, HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/** Users in memory, some hundred bytes each. */
export const MOST_KEPT_USERS = 20_000;
/** Accounts that one run closes: each is a transaction that writes in many tables. */
export const DUE_CLOSINGS_BATCH = 100;
/** Contacts of each kind (addresses, numbers), the first one included. */
export const MOST_CONTACTS = 10;
/** As long as a change of address can be undone: no other user gets the address that was given up before. */
export const UNDO_WINDOW = 3 * DAY;
/** Characters of a text for which the definition of its field names no limit. */
export const LONGEST_PROPERTY_TEXT = 256;
/** The earliest time zone is this much ahead of UTC. */
export const FIRST_TIME_ZONE = 14 * HOUR;
/** How exactly it is known when a user was last active: each user is written at most once in this time. */
export const ACTIVITY_INTERVAL = 5 * MINUTE;
/** Users who are active within this time are written by one statement. */
export const ACTIVITY_GATHER_TIME = SECOND;
/** Characters of a username. One letter says too little of its user. */
export const SHORTEST_USERNAME = 2;
/** Characters of a username: as many as the local part of an email address has. */
export const LONGEST_USERNAME = 64;
/** Characters of an email address with everything that a paste brings along: a link may have a subject and a text behind the address. */
export const LONGEST_TYPED_EMAIL = 2048;
/** Characters of a phone number with its blanks and marks. */
export const LONGEST_TYPED_NUMBER = 128;
