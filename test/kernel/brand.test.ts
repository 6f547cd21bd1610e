import { describe, expect, test } from 'vitest';
import { brandOf, brandStylesheet, defaultBrand, type Looks } from '#kernel/brand.ts';

const stylesheet = (looks: Looks) => brandStylesheet(looks, (name) => `/assets/${name}`);

const pale = '@supports not (color: light-dark(red, red)) { :root { --on-fill: #000; } }';

describe('a brand', () => {
  test('is ink with a brass bolt by default, in both themes', () => {
    expect(stylesheet(defaultBrand)).toBe(
      ':root { --brand: #1d2733; --brand-2: #b1760f; }\n' +
        '@supports (color: light-dark(red, red)) and (color: color(from red xyz-d65 x y z)) { :root { --brand: light-dark(#1d2733, #e3e7eb); --brand-2: #b1760f; } }\n',
    );
  });

  test.each([
    {
      title: 'paints the bolt like the rest with one colour',
      choice: { color: '#0A3FB5' },
      rule: ':root { --brand: #0a3fb5; --brand-2: #0a3fb5; }',
    },
    {
      title: 'paints the bolt by itself with two',
      choice: { color: '#0a3fb5', accent: '#d4002a' },
      rule: ':root { --brand: #0a3fb5; --brand-2: #d4002a; }',
    },
  ])('$title', ({ choice, rule }) => {
    expect(stylesheet(brandOf({ name: 'Halden', ...choice }))).toBe(`${rule}\n`);
  });

  test.each([
    { color: '#ffc914', isPale: true },
    { color: '#ffffff', isPale: true },
    { color: '#757575', isPale: false },
    { color: '#767676', isPale: true },
    { color: '#000000', isPale: false },
  ])(
    'has black text on $color for browsers that cannot compute it: $isPale (WCAG 2.2 luminance above 0.179)',
    ({ color, isPale }) => {
      expect(stylesheet(brandOf({ name: 'Kestrel', color })).includes(pale)).toBe(isPale);
    },
  );

  test.each(['red', '#fff', '#ffffff; } body { display: none', '', '#gggggg', '#0a3fb5 '])(
    'refuses %j as a colour, so that it cannot contain rules',
    (color) => {
      expect(() => stylesheet(brandOf({ name: 'x', color }))).toThrow('#rrggbb');
    },
  );

  test('shows our mark only with our name', () => {
    expect(defaultBrand.logo.kind).toBe('latchkey');
    expect(brandOf({ name: 'Fernway' }).logo.kind).toBe('none');
  });
});
