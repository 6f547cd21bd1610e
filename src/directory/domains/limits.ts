import { DAY, HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/** Domains of one organization: groups of companies have dozens, and each is looked up again and again. */
export const MOST_DOMAINS = 100;
/** Connections that one domain names: a page with more buttons is no choice any more. */
export const MOST_CONNECTIONS = 10;
/** A verified domain counts for this long after the last look-up that found its record. */
export const PROOF_COUNTS_FOR = 30 * DAY;
/** A record is looked for again early enough that a week of failures changes nothing. */
export const CHECK_AGAIN_AFTER = 23 * DAY;
/** After a look-up without the record. */
export const CHECK_RETRY_AFTER = DAY;
/** Look-ups of one organization by its administrators: a record takes minutes to spread, and impatience some tries. */
export const CHECKS = { name: 'domain-check', points: 30, duration: HOUR } as const;
/** Rows that one step of the job takes; they are looked up at the same time. */
export const CHECKS_BATCH = 20;
/** One attempt of the job: it goes on in the next hour where this is not enough. */
export const CHECK_JOB_EXPIRY = 10 * MINUTE;
/** Waits of a job that failed. */
export const CHECK_JOB_BACKOFF = { first: 10 * SECOND, max: MINUTE } as const;
/** A node keeps the owner of a domain for this long. It hears of changes at once, also of changes on other nodes. */
export const KNOWN_DOMAIN_KEPT_FOR = MINUTE;
/** Domains in memory, some hundred bytes each. */
export const MOST_KNOWN_DOMAINS = 20_000;
/** A user who was refused may ask again after this time. */
export const ASK_AGAIN_AFTER = 30 * DAY;
/** Managers of the members of an organization who get a mail about a request to join it. */
export const MOST_TOLD_OF_REQUEST = 10;
/** The role of users who come by a domain: the least one. */
export const ROLE_OF_JOINED = 'TENANT_USER';
