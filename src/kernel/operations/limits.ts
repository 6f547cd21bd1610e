/** Entries of one page: a list of everything would hold up the server. */
export const MOST_LISTED = 200;
/** Entries of a page where the caller gives no number. */
export const LISTED_UNLESS_SAID = 100;
/** Rows of one call: as many as are done within a few seconds. */
export const MOST_ROWS = 500;
/** Cursors that a process remembers with what they open to, some 500 characters each. */
export const MOST_KNOWN_CURSORS = 2000;
