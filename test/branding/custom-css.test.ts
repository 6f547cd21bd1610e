import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readStylesheet } from '../../src/branding/custom-css.ts';

const refusal = (css: string): string => {
  try {
    return `taken: ${readStylesheet(css)}`;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return code === 'branding.stylesheet_refused' ? message : String(error);
  }
};

describe('custom rules of the operator', () => {
  test.each([
    { css: '.sheet { border-width: 2px; }', served: '.sheet{border-width:2px}\n' },
    {
      css: '@media (min-width: 40rem) { h1 { color: #0a3fb5 } }',
      served: '@media (min-width:40rem){h1{color:#0a3fb5}}\n',
    },
    {
      css: ':root { --r: 0px; }\n.btn:hover::before { content: "→" }',
      served: ':root{--r:0px}.btn:hover::before{content:"→"}\n',
    },
    { css: '.a { position: relative; inset: 0 }', served: '.a{position:relative;inset:0}\n' },
    { css: '', served: '\n' },
  ])('are served as parsed: $css', ({ css, served }) => {
    expect(readStylesheet(css)).toBe(served);
  });

  test.each([
    {
      css: 'h1 { color: red }\n@import "https://evil.example/x.css";',
      message: 'Line 2 uses @import, which is not allowed.',
    },
    { css: '@import url(//evil.example);', message: 'Line 1 uses @import' },
    { css: '@font-face { font-family: x; src: url(https://evil.example/x) }', message: 'Line 1 uses @font-face' },
    { css: '@namespace url(http://www.w3.org/1999/xhtml);', message: 'Line 1 uses @namespace' },
    { css: '@charset "utf-7";', message: 'Line 1 uses @charset' },
    { css: '@\\69mport "x";', message: 'Line 1 hides a letter' },
    { css: '\n\na { background: url(https://evil.example/?) }', message: 'Line 3 loads a file with url()' },
    { css: 'a { background: URL( "data:image/svg+xml,x" ) }', message: 'Line 1 loads a file with url()' },
    { css: 'a { background: u\\72l(//evil.example) }', message: 'Line 1 hides a letter behind a backslash' },
    { css: '/* \\ */ a { content: "\\2192" }\nb { p\\6fsition: fixed }', message: 'Line 2 hides a letter' },
    { css: 'a { background: "\\"; } b { color: u\\72l(x) }', message: 'Line 1 ' },
    { css: 'a { background: image-set("//evil.example/x" 1x) }', message: 'Line 1 loads a file with image-set()' },
    { css: 'a { background: -webkit-image-set("x" 1x) }', message: 'Line 1 loads a file with -webkit-image-set()' },
    { css: 'a { background: cross-fade("x", "y") }', message: 'Line 1 loads a file with cross-fade()' },
    { css: ':root { --x: url(//evil.example) }', message: 'Line 1 loads a file with url()' },
    { css: ':root { --x: image-set("//evil.example") }', message: 'Line 1 loads a file with image-set()' },
    { css: 'a { width: expression(alert(1)) }', message: 'Line 1 loads a file with expression()' },
    { css: 'a { -moz-binding: none }', message: 'Line 1 uses -moz-binding' },
    { css: 'a { behavior: none }', message: 'Line 1 uses behavior' },
    {
      css: 'body::before { content: ""; position: fixed; inset: 0 }',
      message: 'Line 1 takes an element out of its place',
    },
    { css: 'a { position: sticky !important }', message: 'Line 1 takes an element out of its place' },
    { css: 'a { position: var(--p) }', message: 'Line 1 takes an element out of its place' },
    { css: '<!-- a { color: red } -->', message: 'Line 1 ' },
    { css: 'a { color: red', message: 'taken' },
    { css: 'a { color red }', message: 'Line 1 is no CSS that we understand' },
    { css: '</style><script>alert(1)</script>', message: 'Line 1 ' },
    { css: `a { color: red }${' '.repeat(33_000)}`, message: 'The stylesheet may have at most 32 KB.' },
  ])('are refused with their line when they could load or cover anything: $css', ({ css, message }) => {
    expect(refusal(css)).toContain(message);
  });

  test('never contain a way to load something, with any input', () => {
    const piece = fc.constantFrom(
      '@import',
      'url(',
      '"//evil.example"',
      '\\75 rl(',
      ';',
      '{',
      '}',
      '/*',
      '*/',
      'a',
      ':',
      ')',
      '--x',
      'image-set(',
      '\n',
      '\\',
      '@media',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const answer = refusal(pieces.join(''));
        if (answer.startsWith('taken: '))
          expect(answer.replaceAll(/"[^"]*"/g, '')).not.toMatch(/@import|url\(|image-set\(/i);
        else expect(answer).toMatch(/^(Line \d+ |The stylesheet)/);
      }),
      { numRuns: 2000 },
    );
  });
});
