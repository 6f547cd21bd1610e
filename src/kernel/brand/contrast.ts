/** Contrast of brand colours, by WCAG 2.2 §1.4.3: which text is legible on a colour that an operator chose. */

/** A colour as `#rrggbb` in lower case. Throws on anything else, so a colour cannot carry rules. */
export function hex(text: string): string {
  if (!/^#[0-9a-f]{6}$/i.test(text)) throw new Error(`a brand colour is written #rrggbb, not "${text}"`);
  return text.toLowerCase();
}

/** Contrast of two colours, 1 to 21: 4.5 is AA for text. */
export function contrast(one: string, other: string): number {
  const [dim = 0, bright = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (bright + 0.05) / (dim + 0.05);
}

/** Above this luminance black text has more contrast than white. */
export const hasBlackText = (color: string): boolean => luminance(color) > 0.179;

/** Relative luminance, 0 to 1. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = linearChannels(hex(color));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Red, green and blue as amounts of light, 0 to 1. */
export const linearChannels = (color: string): number[] =>
  [1, 3, 5]
    .map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255)
    .map((channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4));
