// The size of the first page of a sign-in, with each typeface that an operator may choose and in each language.
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FontName, fontNames } from '#kernel/brand/fonts.ts';
import { type Language, languages } from '#kernel/i18n.ts';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { authorizeUrl, Visitor } from '../support/visitor.ts';

const MOST = 60 * 1024;

let latchkey: TestApp;
let client: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'branding.color': '#0a3fb5', 'branding.background': 'tint' } });
  client = await latchkey.client({ name: 'Tally' });
});
afterAll(() => latchkey?.close());

/** Bytes of an answer as they cross the wire, head and body, to a browser that takes Brotli. */
function wire(url: string, cookie = ''): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { accept: 'text/html', 'accept-encoding': 'br', cookie } }, (answer) => {
      let size = answer.rawHeaders.join('').length + answer.rawHeaders.length * 2;
      answer.on('data', (chunk: Buffer) => (size += chunk.length)).on('end', () => resolve(size));
    })
      .on('error', reject)
      .end();
  });
}

/** Whether a face has one of these letters; one without a range is the first that is asked. */
function hasLetterOf(face: string, text: string): boolean {
  const ranges = /unicode-range: ?([^;}]+)/.exec(face)?.[1];
  if (ranges === undefined) return true;
  const bounds = ranges.split(',').map((range) =>
    range
      .replace(/\s*U\+/, '')
      .split('-')
      .map((bound) => Number.parseInt(bound, 16)),
  );
  return [...text].some((letter) => {
    const code = letter.codePointAt(0)!;
    return bounds.some(([from = 0, to = from]) => code >= from && code <= to);
  });
}

/** The files of the faces that a browser fetches for this text: of the chosen family, and of the one for Arabic. */
const facesOf = (css: string, font: FontName, text: string): string[] =>
  [...css.matchAll(/@font-face ?\{[^}]*\}/g)]
    .map(([face]) => face)
    .filter((face) => new RegExp(`font-family: ?"(${font}|vazirmatn)"`, 'i').test(face) && hasLetterOf(face, text))
    .map((face) => /url\(([^)]+)\)/.exec(face)![1]!);

/** The visible text of a page: the list of languages is closed. */
const textOf = (html: string): string =>
  html.replaceAll(/<details class="languages">[\s\S]*?<\/details>|<head>[\s\S]*?<\/head>|<[^>]*>/g, ' ');

describe('the first page', () => {
  test.each([
    ...fontNames.map((font) => ({ font, language: 'en' as Language })),
    ...(Object.keys(languages) as Language[]).map((language) => ({ font: 'hyperlegible' as const, language })),
  ])('transfers at most 60 KB with $font, $language', async ({ font, language }) => {
    await latchkey.run('settings.update', { name: 'branding.font', value: font });
    const visitor = new Visitor({ 'accept-language': language });
    const page = await visitor.open(
      authorizeUrl(latchkey.base, client, { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM' }),
    );
    expect(page.text).toContain(`<html lang="${language}"`);
    const named = [...page.text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
    expect(named.length).toBeGreaterThan(3);
    const sheets = named.filter((path) => path.endsWith('.css'));
    const facesOfSheet = async (path: string): Promise<string[]> => {
      const css = await (await fetch(latchkey.base + path)).text();
      return facesOf(css, font, textOf(page.text)).map((face) => new URL(face, latchkey.base + path).pathname);
    };
    const faces = (await Promise.all(sheets.map(facesOfSheet))).flat();
    expect(faces.length > 0).toBe(font !== 'system');
    const sizes = [
      await wire(page.url, visitor.cookies(page.url)),
      ...(await Promise.all([...new Set([...named, ...faces])].map((path) => wire(latchkey.base + path)))),
    ];
    expect(
      sizes.reduce((sum, size) => sum + size, 0),
      sizes.join(' + '),
    ).toBeLessThanOrEqual(MOST);
  });
});
