/** Numbers after a slug that is taken. */
export const SUFFIXES = 1_000_000;
/** Attempts at a slug that is made of the name. With a million suffixes a second one is rare. */
export const SLUG_ATTEMPTS = 8;
