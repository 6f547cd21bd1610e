/**
 * The typefaces that an operator may choose from. Ours are served from here, by no one else, and only the files that a
 * page has letters for are fetched.
 */
type Family = {
  /** Before the fonts of every page: Arabic letters and the system's own. */
  stack: string;
  /** The name of its files in `public/fonts`, null where nothing is fetched. */
  file: string | null;
};

const fonts = {
  /** Atkinson Hyperlegible Next, of the stylesheet itself: made so that 0 is never O and 1 never l. */
  hyperlegible: { stack: '"Hyperlegible"', file: null },
  /** The default font of the device. */
  system: { stack: 'system-ui', file: null },
  figtree: { stack: '"Figtree"', file: 'figtree' },
  manrope: { stack: '"Manrope"', file: 'manrope' },
  inter: { stack: '"Inter"', file: 'inter' },
  /** With serifs. */
  literata: { stack: '"Literata"', file: 'literata' },
} as const satisfies Record<string, Family>;

export type FontName = keyof typeof fonts;
export const fontNames = Object.keys(fonts) as [FontName, ...FontName[]];

/** Letters of the languages of Europe that Latin alone does not have. */
const extended = 'U+100-17F, U+218-21B, U+20AA, U+20AB, U+20BA, U+20BD';

/** The rules that bring a typeface in; none for the one of the stylesheet. */
export function fontRules(name: FontName, assetUrl: (name: string) => string): readonly string[] {
  const { stack, file }: Family = fonts[name];
  if (name === 'hyperlegible') return [];
  const rest = '"Vazirmatn", system-ui, -apple-system, "Segoe UI", sans-serif';
  const use = `:root { --sans: ${name === 'system' ? rest.replace('"Vazirmatn", system-ui', 'system-ui') : `${stack}, ${rest}`}; }`;
  if (file === null) return [use];
  const face = (part: string, range: string): string =>
    `@font-face { font-family: ${stack}; src: url(${assetUrl(`fonts/${part}.woff2`)}) format("woff2"); font-weight: 400 640; font-display: swap;${range} }`;
  return [face(file, ''), face(`${file}-ext`, ` unicode-range: ${extended};`), use];
}
