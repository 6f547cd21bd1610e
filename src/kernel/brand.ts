/**
 * Whose pages these are. The operator gives a name and one colour, or two; the stylesheet derives all else from them.
 */

/** `#rrggbb`. The dark one is for dark pages; the light one serves both where it is the same. */
export type Color = { light: string; dark: string };

export type Brand = {
  name: string;
  /** Primary button, links, focus. */
  color: Color;
  /** The bolt on the line. */
  bolt: Color;
  /** `latchkey` draws our own mark, an image is the operator's, and without one the name stands alone. */
  logo: { kind: 'latchkey' } | { kind: 'image'; url: string; holdsName: boolean } | { kind: 'none' };
  /** Addresses of the operator's own pages, null where there is none. */
  links: { privacy: string | null; terms: string | null; help: string | null };
};

/** Ink with a brass bolt. */
const ink: Color = { light: '#1d2733', dark: '#e3e7eb' };
const brass: Color = { light: '#b1760f', dark: '#b1760f' };

/** What an operator may set. */
export type BrandChoice = {
  name: string;
  color?: string | undefined;
  /** Of the bolt; without it the bolt has the colour of the rest. */
  accent?: string | undefined;
  privacyUrl?: string | undefined;
  termsUrl?: string | undefined;
  helpUrl?: string | undefined;
};

const ownName = 'Latchkey';

export function brandOf({ name, color, accent, privacyUrl, termsUrl, helpUrl }: BrandChoice): Brand {
  const one = (choice: string): Color => ({ light: choice, dark: choice });
  return {
    name,
    color: color === undefined ? ink : one(color),
    bolt: accent !== undefined ? one(accent) : color !== undefined ? one(color) : brass,
    // Our mark beside somebody else's name would be neither's.
    logo: { kind: name === ownName ? 'latchkey' : 'none' },
    links: { privacy: privacyUrl ?? null, terms: termsUrl ?? null, help: helpUrl ?? null },
  };
}

export const defaultBrand: Brand = brandOf({ name: ownName });

/** The stylesheet of a brand, to be sent after `latchkey.css`. Throws on anything but `#rrggbb`, so a colour cannot carry rules. */
export function brandStylesheet({ color, bolt }: Pick<Brand, 'color' | 'bolt'>): string {
  const rules = [`:root { --brand: ${hex(color.light)}; --brand-2: ${hex(bolt.light)}; }`];
  if (color.dark !== color.light || bolt.dark !== bolt.light)
    rules.push(`@supports ${adapts} { :root { --brand: ${both(color)}; --brand-2: ${both(bolt)}; } }`);
  // White text is the plain stylesheet's only choice; browsers that can compute it choose for themselves.
  if (luminance(color.light) > 0.179)
    rules.push('@supports not (color: light-dark(red, red)) { :root { --on-fill: #000; } }');
  return `${rules.join('\n')}\n`;
}

const adapts = '(color: light-dark(red, red)) and (color: color(from red xyz-d65 x y z))';

const both = (color: Color): string =>
  color.light === color.dark ? hex(color.light) : `light-dark(${hex(color.light)}, ${hex(color.dark)})`;

function hex(text: string): string {
  if (!/^#[0-9a-f]{6}$/i.test(text)) throw new Error(`a brand colour is written #rrggbb, not "${text}"`);
  return text.toLowerCase();
}

/** Relative luminance by WCAG 2.2; above 0.179 black text has more contrast than white. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(hex(color).slice(at, at + 2), 16) / 255)
    .map((channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
