/**
 * The colours of letters. Mail programs know neither custom properties nor relative colours, so what `latchkey.css`
 * derives from the brand in the browser is resolved here, by the same rules.
 */
import type { Brand } from '../brand.ts';
import { hasBlackText, linearChannels } from '../brand/contrast.ts';

type Palette = Readonly<
  Record<'page' | 'surface' | 'sunken' | 'line' | 'firm' | 'ink' | 'ink2' | 'fill' | 'onFill' | 'link' | 'bolt', string>
>;

/**
 * The brand colours of a mail for both themes as `#rrggbb`, with a contrast of at least 4.5 for text (WCAG 2.2
 * §1.4.3).
 */
export function paletteOf({ color, bolt }: Pick<Brand, 'color' | 'bolt'>): { light: Palette; dark: Palette } {
  const onWhite = oklchOf(color.light);
  const onBlack = oklchOf(color.dark);
  const lightBolt = oklchOf(bolt.light);
  const darkBolt = oklchOf(bolt.dark);
  const darkFill = hexOf({
    l: Math.max(onBlack.l, 0.62),
    c: Math.min(onBlack.c, 0.17 + Math.max(0, onBlack.l - 0.6) * 9),
    h: onBlack.h,
  });
  return {
    light: {
      page: '#f2f4f5',
      surface: '#ffffff',
      sunken: '#f6f7f8',
      line: '#dbdfe3',
      firm: '#808791',
      ink: '#15181c',
      ink2: '#545b65',
      fill: color.light,
      onFill: textOn(color.light),
      link: hexOf({ l: Math.min(onWhite.l, 0.48), c: Math.min(onWhite.c, 0.22), h: onWhite.h }),
      bolt: hexOf({ l: Math.min(lightBolt.l, 0.59), c: Math.min(lightBolt.c, 0.24), h: lightBolt.h }),
    },
    dark: {
      page: '#0f1113',
      surface: '#17191c',
      sunken: '#111315',
      line: '#2d3238',
      firm: '#78818c',
      ink: '#eceff1',
      ink2: '#a6aeb8',
      fill: darkFill,
      onFill: textOn(darkFill),
      link: hexOf({ l: Math.max(onBlack.l, 0.8), c: Math.min(onBlack.c, 0.13), h: onBlack.h }),
      bolt: hexOf({ l: Math.max(darkBolt.l, 0.68), c: darkBolt.c, h: darkBolt.h }),
    },
  };
}

type Oklch = { l: number; c: number; h: number };

const textOn = (color: string): string => (hasBlackText(color) ? '#000000' : '#ffffff');

/** CSS Color 4 §9.2, with the matrices of its sample code. */
function oklchOf(color: string): Oklch {
  const [red = 0, green = 0, blue = 0] = linearChannels(color);
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const medium = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  const a = 1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short;
  const b = 0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short;
  return {
    l: 0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short,
    c: Math.hypot(a, b),
    h: Math.atan2(b, a),
  };
}

function hexOf({ l, c, h }: Oklch): string {
  const [a, b] = [c * Math.cos(h), c * Math.sin(h)];
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const channels = [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ].map((value) => {
    const inside = Math.min(1, Math.max(0, value));
    const encoded = inside <= 0.0031308 ? inside * 12.92 : 1.055 * inside ** (1 / 2.4) - 0.055;
    return Math.round(encoded * 255)
      .toString(16)
      .padStart(2, '0');
  });
  return `#${channels.join('')}`;
}
