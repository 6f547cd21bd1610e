import { SECOND } from '#kernel/clock.ts';

/** A look that takes longer says so: the others do not wait for it. */
export const LONGEST_LOOK = 12 * SECOND;
/** A restarted Redis is connected by then. */
export const REDIS_CONNECTS_WITHIN = 2 * SECOND;
/** Nodes compare times, and codes of authenticator apps count in half minutes. */
export const LARGEST_DIFFERENCE = 2 * SECOND;
/** The header Date has whole seconds. */
export const LARGEST_DIFFERENCE_OF_DATE = 3 * SECOND;
/** Older versions of PostgreSQL get no fixes any more. */
export const OLDEST_POSTGRES = 14;
/** A certificate that ends in fewer days is a warning, as in the letters about certificates. */
export const WARNED_DAYS = 30;
