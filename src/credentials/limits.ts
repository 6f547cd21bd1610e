import { HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/** Characters of the field of a password: more than any that can be set, so that a long one gets its own clear answer. */
export const LONGEST_PASSWORD_FIELD = 4096;
/** Blocked words that a page tells the field of a new password: the first of them, so that the page stays small. */
export const MOST_WORDS_IN_PAGE = 50;
/** A user waits for the answer. A range with padding has about 40 kB. */
export const BREACH_ANSWER_LIMITS = { totalTimeout: 1.5 * SECOND, maxBytes: 256 * 1024 };
/** After a failure the service is not asked for so long: a closed network costs one wait and not many. */
export const BREACH_PAUSE = 10 * MINUTE;
/** Seconds: some dozens of hashes, as many as wait at most. */
export const BUSY_SECONDS = 5;
/** Hashes that wait: what comes on top would wait longer than its time. */
export const MOST_WAITING_HASHES = 200;
/** Milliseconds that a hash waits for its turn; then the answer is 503, sooner than a balancer gives up. */
export const LONGEST_HASH_WAIT = 2 * SECOND;
/** The waiting time shown for a password that stays refused until a reset; it reveals nothing about the account. */
export const LONGEST_SHOWN_WAIT = 15 * MINUTE;
/** Wrong codes in a row (NIST SP 800-63B-4 §3.2.2: at most 100). */
export const MOST_WRONG_CODES = 100;
/**
 * Five wrong codes, then a wait before each further one: no more than five in any fifteen minutes, and six a day in the long
 * run, of a million. The user who types codes here knows the password, so they wait longer than for a password. A
 * passkey is nothing to guess, and works meanwhile.
 */
export const SECOND_FACTOR_DELAYS = [15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR].map((wait) => wait / SECOND);
/** Seconds between tries after the free ones, for what a user types by heart, and mistypes. */
export const PASSWORD_DELAYS = [30, 60, 120, 240, 480, 900] as const;
/** Bytes of the salt of an imported hash; real ones have 8 to 64. */
export const LONGEST_SALT = 1024;
/** Characters of an imported hash with its parameters and its salt. */
export const LONGEST_IMPORTED_HASH = 4096;
/** Characters of the template of a salted digest, which names two or three parts. */
export const LONGEST_DIGEST_TEMPLATE = 128;
/** KiB of one imported Argon2 hash: several are compared at once. */
export const MOST_ARGON2_KIB = 256 * 1024;
/** Passes of Argon2; RFC 9106 §4 recommends one to three. */
export const MOST_ARGON2_PASSES = 32;
/** Lanes of Argon2; RFC 9106 §4 recommends four. */
export const MOST_ARGON2_LANES = 16;
/** Memory times passes of Argon2: about a second. */
export const MOST_ARGON2_WORK_KIB = 1024 * 1024;
/** 2^14 rounds of bcrypt take about a second. */
export const MOST_BCRYPT_COST = 14;
/** Iterations of PBKDF2: about a second. */
export const MOST_PBKDF2_ITERATIONS = 2_000_000;
/** 2^13 in WordPress, 2^15 in Drupal; 2^18 are about half a second. */
export const MOST_PHPASS_ROUNDS_LOG2 = 18;
/** About half a millisecond of hashing, after which requests have their turn. */
export const ROUNDS_A_TURN = 256;
/** Bytes of one imported scrypt hash: several are compared at once. */
export const MOST_SCRYPT_BYTES = 128 * 1024 * 1024;
/** N times r times p of scrypt: about two seconds. */
export const MOST_SCRYPT_WORK = 2 ** 21;
/** The specification takes 999,999,999; a million are about two seconds. passlib writes 656,000. */
export const MOST_SHA_CRYPT_ROUNDS = 1_000_000;
/** A code is compared this often at most: five guesses of a million. */
export const TRIES_PER_CODE = 5;
/** With the first one, three in a quarter of an hour: as many as code-limits.ts lets pass. */
export const MOST_RESENDS = 2;
/** Codes that are open at once for one account and purpose, over all browsers. */
export const OPEN_CODES = 3;
/** WebAuthn 3 §4 (Credential ID): at most 1023 bytes. */
export const LONGEST_CREDENTIAL_ID = 1023;
/** Characters of the name that a user gives to a passkey, shown in one line. */
export const LONGEST_PASSKEY_NAME = 64;
/** Recovery codes that a user gets at once: a list that fits on a slip of paper. */
export const RECOVERY_CODES = 10;
/** Three or less: then the owner is reminded to make new ones. */
export const FEW_RECOVERY_CODES = 3;
/** Bytes: other products gave 80 bits, and their users bring them along. */
export const LEAST_IMPORTED_TOTP_BYTES = 10;
/** Users of a connection whose other ways to sign in are read together. */
export const STRANDED_BATCH = 1000;
/** Users that a process keeps as the management API shows them: some 0.6 kB each, alone and in a list. */
export const MOST_SHOWN_USERS = 10_000;
/** Pages of users that a process keeps, of 40 kB with 100 users each. */
export const MOST_SHOWN_PAGES = 100;
/** Characters of a code field: room for a code with everything that a paste brings along. */
export const LONGEST_TYPED_CODE = 256;
