import { SECOND } from '#kernel/clock.ts';

/** Failures in a row after which the old system is left in peace. */
export const FAILURES_TO_OPEN = 5;
/** The old system has this long to recover before one more sign-in asks it. */
export const BREAKER_REST = 30 * SECOND;
/** Questions to the old system at once, which may be a small one. */
export const MOST_QUESTIONS_AT_ONCE = 16;
/** The size of one command: a file needs many. */
export const MOST_LINES = 500;
/** Characters of the properties of one user, as JSON. */
export const LARGEST_PROPERTIES = 16 * 1024;
/** Characters of a password in plain text. */
export const LONGEST_IMPORTED_PASSWORD = 1024;
/** Bytes of an answer of the old system: one user with their properties. */
export const LARGEST_OLD_SYSTEM_ANSWER = 64 * 1024;
/** Characters of one user in a file, who takes a few hundred; a record with a picture inside is not read. */
export const LONGEST_RECORD = 256 * 1024;
/** Characters of one command: a command of the command line may be a megabyte. */
export const LARGEST_BATCH = 512 * 1024;
/** Lines that were not imported, on the screen; the file with the rest has all of them. */
export const MOST_SHOWN_PROBLEMS = 20;
/** Tries of one batch while the instance is busy with hashes. */
export const BUSY_RETRIES = 10;
/** Roles, and groups, of one user in a file. */
export const MOST_GRANTS = 500;
/** Characters of the name of a role or a group. */
export const LONGEST_NAME_OF_ACCESS = 128;
/** Identities of one user in other systems. */
export const MOST_IDENTITIES = 32;
/** Characters of the name of a property. */
export const LONGEST_PROPERTY = 64;
/** Characters of a name in a report: the longest email address. */
export const LONGEST_SHOWN_NAME = 254;
/** Characters of the name of a role, as tokens show it. */
export const LONGEST_ROLE = 64;
/** Characters of the description of a role. */
export const LONGEST_DESCRIPTION = 512;
/** Characters of a client secret that cannot be guessed. */
export const LEAST_SECRET = 32;
/** Members of one client that may be left out, one after the other. */
export const MOST_REFUSED_MEMBERS = 100;
/** Roles or groups in one call. */
export const LISTED_AT_ONCE = 100;
