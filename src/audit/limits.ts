import { MINUTE, SECOND } from '#kernel/clock.ts';

/** Events that are sealed in one transaction: few enough that the embedded database answers others between two. */
export const SEALING_BATCH = 500;

/**
 * The time that an event waits for others before it is sealed, so that simultaneous events share a batch. The statements of a batch
 * cost the same for one event as for many.
 */
export const GATHER_TIME = SECOND / 2;

/** An event of another node waits no longer for its seal. The embedded database has no other node. */
export const LOOK_INTERVAL = SECOND;

/**
 * Seals of a chain whose last seal is later than the clock get its time, so that clocks of nodes that differ a little leave no seal
 * before its predecessor. One that is further ahead was wrong, and later seals do not follow it.
 */
export const SEALER_SKEW = 5 * MINUTE;

/** A chain that could not be sealed is left out for this time; the others go on. */
export const STALLED_INTERVAL = MINUTE;

/** While the database is away, one line of the log in this time is enough. */
export const SAME_LINE_INTERVAL = 60 * SECOND;

/** Rows that are read at a time to verify them: what bounds the memory of a verification. */
export const VERIFIED_PAGE = 1000;

/** A readable number of problems. */
export const MOST_PROBLEMS = 100;

/** Months for which partitions are made, this one included: a job that fails for a month does no harm. */
export const MONTHS_AHEAD = 3;

/** Characters of the name of a chain: the constraint `audit_event_chain_check` has this number too. */
export const LONGEST_CHAIN = 200;

/** Statements of gathered events that are under way at the same time: while one is being flushed to disk, the next is computed. */
export const GATHERED_WRITES = 2;

/** Events that share one statement: few enough that the statement takes milliseconds. */
export const GATHERED_BATCH = 100;

/** Events that wait to share a statement. Further ones are written with a statement each. */
export const MOST_WAITING = 1000;
