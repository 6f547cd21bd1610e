/**
 * The brand of the pages. The operator gives a name and one or two colours; the stylesheet derives the rest from them.
 */
import type { ClientBrandChoice } from './brand/choice.ts';
import { hasBlackText, hex } from './brand/contrast.ts';
import { fontRules, type FontName } from './brand/fonts.ts';

/** `#rrggbb`. The dark one is for dark pages; the light one serves both where it is the same. */
type Color = { light: string; dark: string };

export type Brand = {
  name: string;
  /** Primary button, links, focus. */
  color: Color;
  /** The bolt on the line. */
  bolt: Color;
  radius: 'sharp' | 'soft' | 'round';
  font: FontName;
  background: 'plain' | 'tint';
  /** `latchkey` draws our own mark, an image is the operator's, and without one the name stands alone. */
  logo: Logo;
  /** Addresses of the operator's own pages, null where there is none. */
  links: { privacy: string | null; terms: string | null; help: string | null };
  /** Addresses: of the derived rules, null for the public file `brand.css`, and of those that the operator wrote. */
  stylesheets: { derived: string | null; custom: string | null };
  /** The application to which this page leads; null on pages of none. */
  application: Application | null;
};

/** An application as it describes itself. */
export type Application = {
  name: string;
  /** Path of its logo on this server; null when there is none yet. */
  logoUrl: string | null;
  /** As registered; an address that is not http(s) is not shown. */
  privacyUrl: string | null;
  termsUrl: string | null;
};

type Logo =
  | { kind: 'latchkey' }
  | { kind: 'none' }
  | {
      kind: 'image';
      url: string;
      /** For dark pages; without it the other one stands on a white plate there. */
      darkUrl: string | null;
      holdsName: boolean;
      /** In a form that mail programs show; they show no SVG. */
      letterUrl: string | null;
    };

/** Ink with a brass bolt. */
const ink: Color = { light: '#1d2733', dark: '#e3e7eb' };
const brass: Color = { light: '#b1760f', dark: '#b1760f' };

/** The operator's choices. */
export type BrandChoice = ClientBrandChoice & { name: string };

/** The uploaded files, and the addresses of the stylesheets. */
export type BrandFiles = Pick<Brand, 'stylesheets'> & {
  logo: { url: string; darkUrl: string | null; letterUrl: string | null } | null;
};

const ownName = 'Latchkey';
const noFiles: BrandFiles = { stylesheets: { derived: null, custom: null }, logo: null };

/**
 * Completes the operator's choices with defaults and derived colours. `files` are the uploaded logo and stylesheets.
 */
export function brandOf(choice: BrandChoice, { stylesheets, logo }: BrandFiles = noFiles): Brand {
  const { name, color, accent, radius = 'soft', font = 'hyperlegible', background = 'plain' } = choice;
  const one = (both: string): Color => ({ light: both, dark: both });
  return {
    name,
    color: color === undefined ? ink : one(color),
    bolt: accent !== undefined ? one(accent) : color !== undefined ? one(color) : brass,
    radius,
    font,
    background,
    // Our mark next to another brand's name would represent neither.
    logo: logo
      ? { kind: 'image', ...logo, holdsName: choice.wordmark ?? false }
      : { kind: name === ownName ? 'latchkey' : 'none' },
    links: { privacy: choice.privacyUrl ?? null, terms: choice.termsUrl ?? null, help: choice.helpUrl ?? null },
    stylesheets,
    application: null,
  };
}

export const defaultBrand: Brand = brandOf({ name: ownName });

const corners = { sharp: [0, 0], soft: [6, 12], round: [14, 24] } as const;

/** Corners in pixels: of controls, and of the sheet that holds them. */
export const cornersOf = ({ radius }: Pick<Brand, 'radius'>): readonly [control: number, sheet: number] =>
  corners[radius];

export type Looks = Pick<Brand, 'color' | 'bolt' | 'radius' | 'font' | 'background'>;

/** The stylesheet of a brand, to be sent after `latchkey.css`. Throws on anything but `#rrggbb`, so a colour cannot carry rules. */
export function brandStylesheet(brand: Looks, assetUrl: (name: string) => string): string {
  const { color, bolt } = brand;
  const rules = [`:root { --brand: ${hex(color.light)}; --brand-2: ${hex(bolt.light)}; }`];
  if (color.dark !== color.light || bolt.dark !== bolt.light)
    rules.push(`@supports ${adapts} { :root { --brand: ${both(color)}; --brand-2: ${both(bolt)}; } }`);
  // White text is the plain stylesheet's only choice; browsers that can compute it choose for themselves.
  if (hasBlackText(color.light))
    rules.push('@supports not (color: light-dark(red, red)) { :root { --on-fill: #000; } }');
  if (brand.radius !== 'soft') {
    const [control, sheet] = cornersOf(brand);
    rules.push(`:root { --r: ${control}px; --r-sheet: ${sheet}px; }`);
  }
  // Of the link's colour, which is dark on light pages and light on dark ones, so that text keeps its contrast.
  if (brand.background === 'tint')
    rules.push(
      `@supports ${adapts} { :root { --page: light-dark(color-mix(in oklab, var(--link) 5%, #f6f8f9), color-mix(in oklab, var(--link) 5%, #0f1113)); } }`,
    );
  return `${[...rules, ...fontRules(brand.font, assetUrl)].join('\n')}\n`;
}

const adapts = '(color: light-dark(red, red)) and (color: color(from red xyz-d65 x y z))';

const both = (color: Color): string =>
  color.light === color.dark ? hex(color.light) : `light-dark(${hex(color.light)}, ${hex(color.dark)})`;
