import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { brandOf } from '#kernel/brand.ts';
import { languages, loadMessages, type Language } from '#kernel/i18n.ts';
import { allSamples, brandedFiles, renderSample, strictRenderer } from './support/pages.ts';

const folder = resolve(import.meta.dirname, '../views');
const templates = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.njk'))
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
const everyLanguage = Object.keys(languages) as Language[];
const messages = loadMessages();

const usedKeys = new Set<string>();
const renderer = strictRenderer(brandedFiles(), (key) => usedKeys.add(key));
const samples = await allSamples();
const pages = samples.flatMap((sample) =>
  everyLanguage.map((language) => ({
    title: `${sample.page}, ${sample.name}, ${language}`,
    sample,
    language,
    html: () => renderSample(renderer, sample, language),
  })),
);

/** Elements with their attributes; `script` and `style` hold no markup here, which another test holds. */
const tags = (html: string) => [...html.matchAll(/<([a-z][a-z0-9]*)((?:\s+[^\s=>"']+(?:="[^"]*")?)*)\s*\/?>/g)];

describe('every page, with every sample, in every language', () => {
  test.each(pages)('renders and is well-formed: $title', ({ html }) => {
    const text = html();
    // Whatever begins like a tag must be one that the strict pattern knows: quoted attributes and nothing odd.
    const opened = text.match(/<[a-z]/g)?.length;
    expect(tags(text)).toHaveLength(opened ?? 0);
    expect(text).not.toMatch(/undefined|\[object|\{\{|\{%|<svg[^>]*><\/svg>/);
  });

  test.each(pages)('holds no inline script, handler or style: $title', ({ html }) => {
    for (const [tag, name, attributes = ''] of tags(html())) {
      expect(attributes.replaceAll(/="[^"]*"/g, '='), tag).not.toMatch(/\s(?:on[a-z]+|style)=/i);
      if (name === 'script') expect(tag).toMatch(/ src="\/assets\/[^"]+" nonce="[^"]+"/);
      expect(name).not.toBe('style');
    }
  });

  test.each(pages)('links to nothing but http(s) and to ourselves: $title', ({ html }) => {
    for (const [tag, , attributes = ''] of tags(html()))
      for (const [, address = ''] of attributes.matchAll(/\s(?:href|src|action|formaction)="([^"]*)"/g))
        expect(address, tag).toMatch(/^(?:https?:\/\/|\/(?!\/)|\?|#)/);
  });

  test.each(pages)(
    'carries the form token in each form that posts, and the primary button first: $title',
    ({ html }) => {
      for (const [, head = '', body = ''] of html().matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
        expect(head).toContain('method="post"');
        expect(body.match(/<input type="hidden" name="csrf" value="dG9rZW4">/g)).toHaveLength(1);
        const buttons = [...body.matchAll(/<button\b[^>]*>/g)].map(([button]) => button);
        expect(buttons.findIndex((button) => button.includes('primary'))).toBeLessThanOrEqual(0);
      }
    },
  );

  test.each(pages)(
    'has one title that ends with the name of the house, one main heading, and ids used once: $title',
    ({ html, language }) => {
      const text = html();
      expect(text).toContain(`<html lang="${language}" dir="ltr">`);
      expect(text.match(/<title>[^<]+ · Latchkey<\/title>/g)).toHaveLength(1);
      expect(text.match(/<h1[ >]/g)).toHaveLength(1);
      const ids = [...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
      expect(ids).toEqual([...new Set(ids)]);
      for (const [, list = ''] of text.matchAll(/aria-(?:describedby|labelledby)="([^"]*)"/g))
        for (const id of list.split(' ')) expect(ids).toContain(id);
    },
  );

  test.each(pages.filter(({ sample }) => sample.name === 'hostile'))(
    'has the same elements with hostile text as with the same text made harmless: $title',
    ({ html, sample, language }) => {
      const harmless = renderSample(renderer, { ...sample, context: defuse(sample.context) }, language);
      expect(tags(html()).map(([, name]) => name)).toEqual(tags(harmless).map(([, name]) => name));
    },
  );
});

/** The same context with every character that means something to HTML replaced, and addresses left as they are. */
function defuse<T>(value: T): T {
  if (typeof value === 'string') return (/^[a-z]+:/.test(value) ? value : value.replaceAll(/[<>"'&]/g, 'x')) as T;
  if (Array.isArray(value)) return value.map((item) => defuse<unknown>(item)) as T;
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [defuse(name), defuse<unknown>(member)]),
  ) as T;
}

describe('a page', () => {
  test('cannot be rendered with a context that lacks what it shows', () => {
    const sample = samples.find(({ page }) => page === 'login/password')!;
    const { problem: _, ...rest } = sample.context as { problem: null };
    expect(() => renderSample(renderer, { ...sample, context: rest }, 'en')).toThrow('the page has no "problem"');
  });

  test('keeps the query in its language links, says which language is asked for last, and never a path', () => {
    const { view, context } = samples[0]!;
    const html = renderer.render(view, context, {
      language: 'en',
      csrf: 'x',
      nonce: 'x',
      query: 'user_code=AB&ui_locales=en&x="><b>',
    });
    expect(html).toContain('href="?user_code=AB&amp;ui_locales=de&amp;x=%22%3E%3Cb%3E" lang="de"');
    expect(html).not.toContain('ui_locales=en');
  });

  test('says that something is wrong in its title before anything else', () => {
    const wrong = samples.find(({ page, name }) => page === 'login/password' && name === 'wrong');
    expect(renderSample(renderer, wrong!, 'en')).toContain('<title>Error: Enter your password');
    expect(renderSample(renderer, wrong!, 'de')).toContain('<title>Fehler: Passwort eingeben');
  });

  test('never shows a password again', () => {
    for (const { html } of pages)
      for (const [tag] of html().matchAll(/<input[^>]*type="password"[^>]*>/g)) expect(tag).not.toContain('value=');
  });
});

describe('words', () => {
  test.each(everyLanguage)('have a message for each key that another language has: %s', (language) => {
    expect(messages.keys(language).toSorted()).toEqual(messages.keys('en').toSorted());
  });

  test('take the same parameters in each language, whatever the count', () => {
    const parameters = (language: Language, key: string, count: number) =>
      messages
        .parts(language, key, count)
        .flatMap((part) => ('parameter' in part ? [part.parameter] : []))
        .toSorted();
    for (const key of messages.keys('en'))
      for (const language of everyLanguage)
        for (const count of [0, 1, 2, 5])
          expect(parameters(language, key, count), `${key}, ${language}`).toEqual(parameters('en', key, 2));
  });

  test('are all used: a message that no sample of any page shows is dead, or its sample is missing', () => {
    for (const { html } of pages) html();
    const links = {
      privacyUrl: 'https://x.example/p',
      termsUrl: 'https://x.example/t',
      helpUrl: 'https://x.example/h',
    };
    const branded = strictRenderer(brandedFiles(), (key) => usedKeys.add(key), brandOf({ name: 'Fernway', ...links }));
    renderSample(branded, samples[0]!, 'en');
    expect(messages.keys('en').filter((key) => !usedKeys.has(key))).toEqual([]);
  });

  test.each(everyLanguage)('hold no markup, and the quotes of a typesetter: %s', (language) => {
    const texts = messages
      .keys(language)
      .flatMap((key) => [1, 2].flatMap((count) => messages.parts(language, key, count)))
      .flatMap((part) => ('text' in part ? [part.text] : []));
    expect(texts.filter((text) => /[<>&"']|\.\.\.|\s{2}/.test(text))).toEqual([]);
  });
});

describe('templates', () => {
  /** file -> why what it marks as safe is safe. */
  const reviewed: Record<string, string> = { '_icons.njk': 'the shapes are constants of the same file' };

  test('mark text as safe only where it was reviewed', () => {
    const unescaped = templates
      .filter(({ text }) => /\|\s*(?:safe|dump|urlize|striptags)\b|autoescape/.test(text))
      .map(({ name }) => name);
    expect(unescaped).toEqual(Object.keys(reviewed));
  });

  test.each(templates)('hold no sentence of their own: $name', ({ text }) => {
    const words = text
      .replaceAll(/\{#[\s\S]*?#\}|\{%[\s\S]*?%\}|\{\{[\s\S]*?\}\}|<pre[\s\S]*?<\/pre>|<[^>]*>|UTC/g, ' ')
      .match(/[A-Za-z]{2,}/g);
    expect(words).toBeNull();
  });

  test('are each a page, or a part of one that begins with an underscore', () => {
    const shown = new Set(samples.map(({ view }) => view.template));
    expect(templates.map(({ name }) => name).filter((name) => !shown.has(name) && !/(^|\/)_/.test(name))).toEqual([]);
  });
});
