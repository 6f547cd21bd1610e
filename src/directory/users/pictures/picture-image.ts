import type { Sharp } from 'sharp';
import { LONGEST_DECODING_SECONDS, MOST_PIXELS } from './picture-limits.ts';

export const sizes = { large: 512, small: 256 } as const;
type DrawnPicture = Record<keyof typeof sizes, Buffer>;

/** PNG, JPEG, WebP: the first bytes say so, whatever the name of the file does. */
const beginnings: readonly RegExp[] = [/^\x89PNG\r\n\x1a\n/, /^\xff\xd8\xff/, /^RIFF[\s\S]{4}WEBP/];
const QUALITY = 82;

type Box = { width: number; height: number };
type DrawingLimits = { pixels: number; seconds: number };

/**
 * The re-encoded picture: upright, square, and without other content of the file (place, camera, other
 * pictures). Null if the file is not a picture.
 */
export async function drawPicture(bytes: Buffer): Promise<DrawnPicture | null> {
  const source = await openPicture(bytes, { pixels: MOST_PIXELS, seconds: LONGEST_DECODING_SECONDS });
  if (source === null) return null;
  try {
    const square = (size: number) =>
      source.clone().rotate().resize(size, size, { fit: 'cover' }).webp({ quality: QUALITY }).toBuffer();
    return { large: await square(sizes.large), small: await square(sizes.small) };
  } catch {
    return null;
  }
}

/**
 * The whole picture as WebP, upright, transparent where it was, no larger than `box` (pixels), and without other content of the file.
 * Null if the file is no PNG, JPEG or WebP picture, or exceeds `limits` (pixels and seconds of decoding).
 */
export async function drawContained(bytes: Buffer, box: Box, limits: DrawingLimits): Promise<Buffer | null> {
  const source = await openPicture(bytes, limits);
  if (source === null) return null;
  try {
    const { width, height } = box;
    return await source
      .rotate()
      .resize(width, height, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 90 })
      .toBuffer();
  } catch {
    return null;
  }
}

/** Decides by the first bytes whether a file may be decoded: formats with scripts or links, such as SVG, never are. */
async function openPicture(bytes: Buffer, { pixels, seconds }: DrawingLimits): Promise<Sharp | null> {
  const start = bytes.subarray(0, 16).toString('latin1');
  if (!beginnings.some((beginning) => beginning.test(start))) return null;
  // Loaded at the first picture: most processes never need it.
  const { default: sharp } = await import('sharp');
  return sharp(bytes, { limitInputPixels: pixels, pages: 1 }).timeout({ seconds });
}
