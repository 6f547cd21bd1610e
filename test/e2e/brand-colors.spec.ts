// Whatever colour an operator chooses, what is derived from it can be read (WCAG 2.2, 1.4.3 and 1.4.11).
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brandOf, brandStylesheet } from '#kernel/brand.ts';
import { contrast } from '#kernel/brand/contrast.ts';
import { paletteOf } from '#kernel/mail/letter-colors.ts';
import { launchBrowser } from '../support/browser.ts';

const sheet = readFileSync(new URL('../../public/latchkey.css', import.meta.url), 'utf8').replaceAll(
  /@font-face \{[^}]*\}/g,
  '',
);
const hex = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`);
/** The corners of the cube, greys, and colours at random, the same ones in every run. */
const corners = '#000000 #ffffff #ff0000 #00ff00 #0000ff #ffff00 #00ffff #ff00ff #757575 #767676'.split(' ');
const colors = [...corners, ...fc.sample(hex, { seed: 7, numRuns: 240 })];
const names = ['fill', 'on-fill', 'hover', 'edge', 'link', 'bolt', 'tint', 'page', 'surface', 'ink', 'ink-2', 'sunken'];

/** what stands on what -> the least contrast. */
const pairs: readonly (readonly [string, string, number])[] = [
  ['on-fill', 'fill', 4.5],
  ['on-fill', 'hover', 4.5],
  ['link', 'surface', 4.5],
  ['link', 'page', 4.5],
  ['link', 'tint', 4.5],
  ['link', 'sunken', 4.5],
  ['ink', 'tint', 4.5],
  ['ink-2', 'page', 4.5],
  ['ink-2', 'tint', 4.5],
  ['edge', 'surface', 3],
  ['bolt', 'page', 3],
  ['bolt', 'surface', 3],
];

let browser: Browser;
let page: Page;
beforeAll(async () => {
  browser = await launchBrowser();
  page = await browser.newPage();
});
afterAll(() => browser?.close());

type Derived = Readonly<Record<string, string>>;

/** For each brand every colour that the browser derives from it, painted and read back; in one go, which is much quicker. */
async function painted(background: 'plain' | 'tint'): Promise<readonly Derived[]> {
  const looks = colors.map((color) => brandStylesheet(brandOf({ name: 'x', color, background }), (name) => name));
  return page.evaluate(
    ({ looks, names }) => {
      const brand = document.getElementById('brand')!;
      const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
      const hexOf = (name: string): string => {
        const probe = document.getElementById(name)!;
        paint.fillStyle = getComputedStyle(probe).backgroundColor;
        paint.fillRect(0, 0, 1, 1);
        const [red = 0, green = 0, blue = 0] = paint.getImageData(0, 0, 1, 1).data;
        return `#${[red, green, blue].map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
      };
      return looks.map((look) => {
        brand.textContent = look;
        return Object.fromEntries(names.map((name) => [name, hexOf(name)]));
      });
    },
    { looks, names },
  );
}

describe.each(['light', 'dark'] as const)('on %s pages', (theme) => {
  beforeAll(async () => {
    await page.emulateMedia({ colorScheme: theme });
    const probes = names.map((name) => `<i id="${name}" style="background:var(--${name})"></i>`);
    await page.setContent(`<style>${sheet}</style><style id="brand"></style>${probes.join('')}`);
  });

  test.each(['plain', 'tint'] as const)(
    'every pair has enough contrast, on a background that is %s',
    async (background) => {
      const poor: string[] = [];
      const derived = await painted(background);
      for (const [at, color] of colors.entries()) {
        const found = derived[at]!;
        for (const [on, under, least] of pairs) {
          const reached = contrast(found[on]!, found[under]!);
          if (reached < least) poor.push(`${color}: ${on} on ${under} ${reached.toFixed(2)}`);
        }
      }
      expect(poor).toEqual([]);
    },
  );

  test('mails have the same colours as pages, with enough contrast', async () => {
    const channels = (color: string) => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
    const derived = await painted('plain');
    for (const [at, color] of colors.entries()) {
      const found = derived[at]!;
      const palette = paletteOf(brandOf({ name: 'x', color }))[theme];
      expect(contrast(palette.onFill, palette.fill), color).toBeGreaterThanOrEqual(4.5);
      expect(contrast(palette.link, palette.surface), color).toBeGreaterThanOrEqual(4.5);
      expect(contrast(palette.ink2, palette.page), color).toBeGreaterThanOrEqual(4.5);
      expect(contrast(palette.bolt, palette.page), color).toBeGreaterThanOrEqual(3);
      // Each of them maps colours outside of the screen's gamut in its own way.
      for (const [index, channel] of channels(palette.fill).entries())
        expect(Math.abs(channel - channels(found['fill']!)[index]!), `${color} ${palette.fill}`).toBeLessThanOrEqual(3);
    }
  });
});
