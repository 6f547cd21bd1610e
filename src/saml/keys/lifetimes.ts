import { DAY, HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/** From its first use to its replacement. An RSA key of 2048 bits may sign until 2030 (SP 800-57). */
export const KEY_USE = 730 * DAY;

/** Of the certificate: a key waits as the next one for the time of the present one, is used, and decrypts for a while. */
export const CERTIFICATE_LIFETIME = 2 * KEY_USE + 90 * DAY;

/** A certificate is valid from this long ago: the clocks of other servers may be behind. */
export const CERTIFICATE_BEGIN = DAY;

/** A replaced key decrypts this long: metadata are read daily, and by people who are on holiday. */
export const DECRYPTION_AFTER_USE = 30 * DAY;

/** The job replaces a key this long before the end of its use, so that no hour is left in which it is over. */
export const REPLACED_BEFORE = 2 * HOUR;

/** The days before the end of the use of a key at which an event warns. */
export const WARNING_DAYS = [30, 7, 1] as const;

/** Keys in memory are this old at most, also on a node that no message reaches. */
export const MEMORY_LIFE = 10 * SECOND;

/** The job waits this long after an error, and longer each time. */
export const RETRY_FIRST = MINUTE;

/** The longest wait after an error, and the longest time that the job may take. */
export const RETRY_LAST = 10 * MINUTE;
