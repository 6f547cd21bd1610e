import { HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/** Bytes of a document: one entity has some ten KiB. */
export const LARGEST_METADATA = 1024 * 1024;
/** Milliseconds to download it while an operator waits. */
export const METADATA_TIMEOUT = 10 * SECOND;
/** Certificates that a document may be signed with: two in use, two for a roll-over, and as many again. */
export const MOST_CERTIFICATES = 8;
/** Characters of those certificates as PEM: one of RSA with 4096 bits has 2,000. */
export const LONGEST_CERTIFICATES = MOST_CERTIFICATES * 8192;
/** Milliseconds after which a document is read again; a job looks every hour. */
export const REFRESHED_AFTER = 24 * HOUR;
/** The same after a failure. */
export const TRIED_AGAIN_AFTER = HOUR;
/** Documents that are read again in one batch. */
export const REFRESH_BATCH = 50;
/** Milliseconds of one run of the job: a batch of servers that all answer slowly. */
export const REFRESH_JOB_EXPIRY = 10 * MINUTE;
