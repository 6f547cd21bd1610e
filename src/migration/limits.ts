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
/** Bytes: it is read as a whole, so it has an end; Keycloak and Firebase write larger realms and projects to several files. */
export const LARGEST_DOCUMENT = 256 * 1024 * 1024;
