/**
 * Logos. Pictures are known by their first bytes, whatever their file was called. An SVG is shown by `<img>` alone, where
 * nothing in it runs. An SVG that could run code when a user opens its address is refused as well.
 */
import { logoRefused } from './errors.ts';
import { LARGEST_LOGO } from './limits.ts';

type LogoKind = 'png' | 'jpg' | 'webp' | 'svg';

/** @throws AppError branding.logo_refused */
export function readLogo(bytes: Buffer): LogoKind {
  if (bytes.length > LARGEST_LOGO)
    throw logoRefused(
      `The logo has ${Math.ceil(bytes.length / 1024)} KB. It may have at most ${LARGEST_LOGO / 1024} KB.`,
    );
  const kind = kindOf(bytes);
  if (kind === null) throw logoRefused('The logo must be a PNG, JPEG, WebP or SVG file.');
  if (kind === 'svg') {
    const found = forbidden.find(([pattern]) => pattern.test(bytes.toString('utf8')));
    if (found) throw logoRefused(`The SVG holds ${found[1]}. Save it as a plain SVG without it.`);
  }
  return kind;
}

/** Of a logo that was read before. */
export function kindOf(bytes: Buffer): LogoKind | null {
  const start = bytes.subarray(0, 16);
  if (start.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))) return 'png';
  if (start.subarray(0, 3).equals(Buffer.from('ffd8ff', 'hex'))) return 'jpg';
  if (start.subarray(0, 4).equals(Buffer.from('RIFF')) && start.subarray(8, 12).equals(Buffer.from('WEBP')))
    return 'webp';
  return /^\uFEFF?\s*(<\?xml[^>]*\?>\s*)?(<!--[\s\S]*?-->\s*)*<svg[\s/>]/.test(bytes.subarray(0, 4096).toString('utf8'))
    ? 'svg'
    : null;
}

const forbidden: readonly (readonly [RegExp, string])[] = [
  [/<!(DOCTYPE|ENTITY)|<!\[CDATA/i, 'a document type, entities or CDATA'],
  [
    /<[\w:]*(script|foreignObject|iframe|object|embed|audio|video|handler|set|animate\w*)[\s/>]/i,
    'scripts, embedded pages or animations',
  ],
  [/\son[a-z]+\s*=/i, 'event handlers'],
  [/\b(href|src)\s*=\s*(["']?)\s*(?!["']?\s*#|["']?\s*data:image\/(png|jpeg|webp)[;,])/i, 'links to other files'],
  [/url\(\s*(?!["']?\s*#)|@import|@font-face/i, 'links to other files'],
  [/<\?(?!xml\s)/i, 'processing instructions'],
];
