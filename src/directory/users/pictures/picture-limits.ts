/** Every limit of a profile picture: its file, its pixels, the time to decode it, and how often a user may upload one. */
import { MINUTE } from '#kernel/clock.ts';

/** A photograph of a telephone, made smaller once, is below it. */
export const LARGEST_PICTURE_MEGABYTES = 2;
/** Bytes. */
export const LARGEST_PICTURE = LARGEST_PICTURE_MEGABYTES * 1024 * 1024;
/** More than any camera; a small file can unpack to many gigabytes. */
export const MOST_PIXELS = 50_000_000;
/** Seconds: a picture that takes longer to read is an attack. */
export const LONGEST_DECODING_SECONDS = 10;
/** Decoding is work: as many as a user tries who cannot decide. */
export const PICTURE_UPLOADS = { name: 'picture', points: 20, duration: 10 * MINUTE };
