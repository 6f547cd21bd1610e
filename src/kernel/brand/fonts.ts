/**
 * The typefaces that an operator may choose from. Ours are served from here, by no one else, and only the files that a
 * page has letters for are fetched.
 */
type Family = {
  /** Before the fonts of every page: Arabic letters and the system's own. */
  stack: string;
  /** The name of its files in `public/fonts`, null where nothing is fetched. */
  file: string | null;
  weights: string;
};

export const fonts = {
  /** Atkinson Hyperlegible Next, of the stylesheet itself: made so that 0 is never O and 1 never l. */
  hyperlegible: { stack: '"Hyperlegible"', file: null, weights: '' },
  /** What the device uses everywhere else. */
  system: { stack: 'system-ui', file: null, weights: '' },
  figtree: { stack: '"Figtree"', file: 'figtree', weights: '300 900' },
  manrope: { stack: '"Manrope"', file: 'manrope', weights: '200 800' },
  /** With serifs. */
  lora: { stack: '"Lora"', file: 'lora', weights: '400 700' },
} as const satisfies Record<string, Family>;

export type FontName = keyof typeof fonts;
export const fontNames = Object.keys(fonts) as [FontName, ...FontName[]];

const extended = 'U+100-2BA,U+2BD-2C5,U+2C7-2CC,U+2CE-2D7,U+2DD-2FF,U+1E00-1E9F,U+20A0-20AB,U+20AD-20C0';

/** The rules that bring a typeface in; none for the one of the stylesheet. */
export function fontRules(name: FontName, assetUrl: (name: string) => string): readonly string[] {
  const { stack, file, weights }: Family = fonts[name];
  if (name === 'hyperlegible') return [];
  const rest = '"Vazirmatn", system-ui, -apple-system, "Segoe UI", sans-serif';
  const use = `:root { --sans: ${name === 'system' ? rest.replace('"Vazirmatn", system-ui', 'system-ui') : `${stack}, ${rest}`}; }`;
  if (file === null) return [use];
  const face = (part: string, range: string): string =>
    `@font-face { font-family: ${stack}; src: url(${assetUrl(`fonts/${part}.woff2`)}) format("woff2"); font-weight: ${weights}; font-display: swap;${range} }`;
  return [face(file, ''), face(`${file}-ext`, ` unicode-range: ${extended};`), use];
}
