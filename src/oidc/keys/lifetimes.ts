import { DAY, HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/**
 * How long relying parties may keep the key set (RFC 9111 §5.2.2.1). One that does so to the last moment must never meet an unknown
 * key, so that both times below are longer. Short, because it is also the time for which it trusts keys that `keys rotate
 * --immediately` has removed.
 */
export const KEY_SET_LIFE = 5 * MINUTE;
/** The shortest time for which a key is published before it signs: a cached key set, and the seconds in which all nodes learn of the key. */
export const SHORTEST_PUBLICATION = KEY_SET_LIFE + MINUTE;
/** Published this much longer than its last token lives: clocks differ, and nodes learn of a rotation seconds apart. */
export const PUBLICATION_AFTER_USE = HOUR;

/** A rotation reaches every node within 10 s, also when no message does: two polls and the time to load. */
export const POLL_EVERY = 4 * SECOND;
/** A rotation that is due for longer was missed: the job runs every day. */
export const LATE_AFTER = 2 * DAY;
