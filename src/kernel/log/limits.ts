/** Causes below an error in its record: deeper chains repeat themselves, or are circles. */
export const DEEPEST_CAUSE = 6;
/** Characters of the message of an error, which may quote what another system sent. */
export const LONGEST_MESSAGE = 1000;
/** Lines of a stack: what is further down is the event loop. */
export const MOST_FRAMES = 12;
/** Bytes of a probe whether the disk is full: as much as a file of the write-ahead log. */
export const PROBE_BYTES = 16 * 1024 * 1024;
/** Bytes of lines that wait for the end of the turn of the event loop. */
export const LONGEST_WRITE = 8 * 1024;
