import { LONGEST_DECODING_SECONDS, MOST_PIXELS } from './picture-limits.ts';

export const sizes = { large: 512, small: 256 } as const;
type DrawnPicture = Record<keyof typeof sizes, Buffer>;

/** PNG, JPEG, WebP: the first bytes say so, whatever the name of the file does. */
const beginnings: readonly RegExp[] = [/^\x89PNG\r\n\x1a\n/, /^\xff\xd8\xff/, /^RIFF[\s\S]{4}WEBP/];
const QUALITY = 82;

/**
 * The re-encoded picture: upright, square, and without other content of the file (place, camera, other
 * pictures). Null if the file is not a picture.
 */
export async function drawPicture(bytes: Buffer): Promise<DrawnPicture | null> {
  const start = bytes.subarray(0, 16).toString('latin1');
  if (!beginnings.some((beginning) => beginning.test(start))) return null;
  // Loaded at the first upload of a picture: most processes never need it.
  const { default: sharp } = await import('sharp');
  try {
    const source = sharp(bytes, { limitInputPixels: MOST_PIXELS, pages: 1 }).timeout({
      seconds: LONGEST_DECODING_SECONDS,
    });
    const square = (size: number) =>
      source.clone().rotate().resize(size, size, { fit: 'cover' }).webp({ quality: QUALITY }).toBuffer();
    return { large: await square(sizes.large), small: await square(sizes.small) };
  } catch {
    return null;
  }
}
