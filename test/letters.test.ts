import { globSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { languages, type Language } from '#kernel/i18n.ts';
import { allLetters, allTexts, strictLetters, strictTexts } from './support/letters.ts';
import { defuse, tags } from './support/markup.ts';

const everyLanguage = Object.keys(languages) as Language[];
const samples = await allLetters();
const texts = await allTexts();
const press = strictLetters();
/** The frame is the same in every language, but for its direction. */
const framed: readonly string[] = ['en', 'ar'];

const addresses = (text: string) => text.match(/https?:\/\/[^\s"<>]+/g) ?? [];

describe.each(samples.map((sample) => ({ title: `${sample.letter.name}, ${sample.name}`, sample })))(
  'in every language: $title',
  ({ sample: { letter, name, slug, context } }) => {
    test('has a subject of one line, a text and a page', () => {
      for (const language of everyLanguage) {
        const { subject, text, html } = press.render(letter, context, language);
        expect(subject, language).toMatch(/^\S[^\n]{3,}$/);
        for (const part of [subject, text, html]) expect(part, language).not.toMatch(/undefined|\[object|\{\{|\{%/);
        expect(text, language).not.toMatch(/&(amp|lt|gt|quot|#39);|<\/?(b|bdi|p|table|a)\b/);
        expect(html).toContain(`<html lang="${language}" dir="${languages[language].direction}"`);
        expect(html.match(/<h1[ >]/g), language).toHaveLength(1);
        expect(tags(html).length, language).toBe(html.match(/<[a-z]/g)?.length);
      }
    });

    test('has all links of its page in its text, and loads nothing', () => {
      for (const language of everyLanguage) {
        const { text, html } = press.render(letter, context, language);
        const links = [...html.matchAll(/ href="([^"]*)"/g)].map(([, href]) => href!.replaceAll('&amp;', '&'));
        for (const link of links) expect(addresses(text), `${language}: ${link}`).toContain(link);
        for (const link of links) expect(link, language).toMatch(/^https?:\/\//);
        expect(html, language).not.toMatch(/<(img|link|script|iframe|object|form|input)\b|url\(|@import|@font-face/i);
      }
    });

    test('shows its code in the subject if it has one', () => {
      const { code } = context as { code?: string | null };
      if (typeof code !== 'string') return;
      const digits = (text: string) => text.replaceAll(/[\s-]/g, '');
      for (const language of everyLanguage) {
        const { subject, text, html } = press.render(letter, context, language);
        for (const part of [subject, text, html]) expect(digits(part), language).toContain(digits(code));
      }
    });

    test('matches the approved text', async () => {
      for (const language of everyLanguage) {
        const { subject, text, html } = press.render(letter, context, language);
        const folder = `__snapshots__/letters/${language}`;
        await expect(`${subject}\n\n${text}`).toMatchFileSnapshot(`${folder}/${slug}.txt`);
        if (framed.includes(language)) await expect(html).toMatchFileSnapshot(`${folder}/${slug}.html`);
      }
    });

    if (name !== 'hostile') return;
    test('has the same elements and lines as with the same text made harmless', () => {
      for (const language of everyLanguage) {
        const hostile = press.render(letter, context, language);
        const harmless = press.render(letter, defuse(context), language);
        const shape = (html: string) => tags(html).map(([, element]) => element);
        expect(shape(hostile.html), language).toEqual(shape(harmless.html));
        expect(hostile.text.split('\n').length, language).toBe(harmless.text.split('\n').length);
      }
    });
  },
);

describe.each(texts)('the text message $slug', ({ template, name, slug, context }) => {
  const telephone = strictTexts();

  test('matches the approved text, in at most three parts, its code bound to our origin', async () => {
    const { code } = context as { code?: string };
    for (const language of everyLanguage) {
      const text = telephone.render(template, context, language);
      if (code !== undefined)
        expect(text, language).toMatch(new RegExp(`${code}[^]*\\n\\n@id\\.example\\.com #${code}$`));
      expect(text.length, language).toBeLessThanOrEqual(name === 'long' ? 400 : 201);
      await expect(`${text}\n`).toMatchFileSnapshot(`__snapshots__/letters/${language}/${slug}.txt`);
    }
  });
});

describe('snapshots of letters', () => {
  test('are of letters that exist', () => {
    const slugs = new Set([...samples, ...texts].map(({ slug }) => slug));
    const files = globSync('*/*.{txt,html}', { cwd: join(import.meta.dirname, '__snapshots__/letters') });
    const left = files.filter((file) => !slugs.has(basename(file, extname(file))));
    expect(left).toEqual([]);
  });
});
