import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { brandOf } from '#kernel/brand.ts';
import { languages, loadMessages, type Language } from '#kernel/i18n.ts';
import { allLetters, allTexts, strictLetters, strictTexts } from './support/letters.ts';
import { defuse, tags } from './support/markup.ts';
import { allSamples, brandedFiles, renderSample, strictRenderer, type Sample } from './support/pages.ts';

const folder = resolve(import.meta.dirname, '../views');
const templates = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.njk'))
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
const everyLanguage = Object.keys(languages) as Language[];
const messages = loadMessages();
/** Whole numbers that take every plural form of our languages, Arabic with its six among them. */
const counts = [0, 1, 2, 3, 11, 100];

const usedKeys = new Set<string>();
const renderer = strictRenderer(brandedFiles(), (key) => usedKeys.add(key));
const samples = await allSamples();
const letters = await allLetters();
const texts = await allTexts();

/** Renders each page once, at its first request. */
const rendered = new Map<string, string>();
function htmlOf(sample: Sample, language: Language): string {
  const key = `${sample.slug} ${language}`;
  let html = rendered.get(key);
  if (html === undefined) rendered.set(key, (html = renderSample(renderer, sample, language)));
  return html;
}
const everyHtml = () => samples.flatMap((sample) => everyLanguage.map((language) => htmlOf(sample, language)));

/** One test a page and sample: what fails names its language, so that twelve languages are not twelve times the tests. */
describe.each(samples.map((sample) => ({ title: `${sample.page}, ${sample.name}`, sample })))(
  'in every language: $title',
  ({ sample }) => {
    test('renders and is well-formed, without inline scripts, handlers and styles', () => {
      for (const language of everyLanguage) {
        const html = htmlOf(sample, language);
        const opened = tags(html);
        // Whatever begins like a tag must be one that the strict pattern knows: quoted attributes and nothing odd.
        expect(opened.length, language).toBe(html.match(/<[a-z]/g)?.length);
        expect(html, language).not.toMatch(/undefined|\[object|\{\{|\{%|<svg[^>]*><\/svg>/);
        for (const [tag, name, attributes = ''] of opened) {
          expect(attributes.replaceAll(/="[^"]*"/g, '='), tag).not.toMatch(/\s(?:on[a-z]+|style)=/i);
          // A module waits for nobody: the page is there before it.
          if (name === 'script') expect(tag).toMatch(/ type="module" src="\/assets\/[^"]+" nonce="[^"]+"/);
          expect(name).not.toBe('style');
        }
      }
    });

    // An authenticator app on the same device takes its secret by a link of its own scheme, which the server writes.
    const addresses = /authenticator|totp$/.test(sample.page)
      ? /^(?:https?:\/\/|\/(?!\/)|\?|#|otpauth:\/\/totp\/)/
      : /^(?:https?:\/\/|\/(?!\/)|\?|#)/;

    test('links only to http(s) addresses and to ourselves', () => {
      for (const language of everyLanguage)
        for (const [tag, , attributes = ''] of tags(htmlOf(sample, language)))
          for (const [, address = ''] of attributes.matchAll(/\s(?:href|src|action|formaction)="([^"]*)"/g))
            expect(address, `${language}: ${tag}`).toMatch(addresses);
    });

    test('carries the form token in each form that posts, and the primary button first', () => {
      for (const language of everyLanguage)
        for (const [, head = '', body = ''] of htmlOf(sample, language).matchAll(
          /<form\b([^>]*)>([\s\S]*?)<\/form>/g,
        )) {
          if (head.includes('method="get"')) continue;
          expect(head, language).toContain('method="post"');
          // A form to another site, or to the engine directly, contains no token of ours.
          if (head.includes('data-forward')) {
            expect(body, language).not.toContain('name="csrf"');
            continue;
          }
          expect(body.match(/<input type="hidden" name="csrf" value="dG9rZW4">/g), language).toHaveLength(1);
          const buttons = [...body.matchAll(/<button\b(?![^>]* type="button")[^>]*>/g)].map(([button]) => button);
          expect(
            buttons.findIndex((button) => button.includes('primary')),
            language,
          ).toBeLessThanOrEqual(0);
        }
    });

    test('has one title that ends with the brand name, one main heading, and unique ids', () => {
      for (const language of everyLanguage) {
        const html = htmlOf(sample, language);
        expect(html).toContain(`<html lang="${language}" dir="${languages[language].direction}">`);
        expect(html.match(/<title>[^<]+ · Latchkey<\/title>/g), language).toHaveLength(1);
        expect(html.match(/<h1[ >]/g), language).toHaveLength(1);
        const ids = [...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
        expect(ids, language).toEqual([...new Set(ids)]);
        for (const [, list = ''] of html.matchAll(/aria-(?:describedby|labelledby)="([^"]*)"/g))
          for (const id of list.split(' ')) expect(ids, language).toContain(id);
      }
    });

    if (sample.name !== 'hostile') return;
    test('has the same elements as with the text escaped', () => {
      for (const language of everyLanguage) {
        const harmless = renderSample(renderer, { ...sample, context: defuse(sample.context) }, language);
        expect(
          tags(htmlOf(sample, language)).map(([, name]) => name),
          language,
        ).toEqual(tags(harmless).map(([, name]) => name));
      }
    });
  },
);

describe('a page', () => {
  test('holds no path outside the path of its issuer, in any attribute', () => {
    const below = strictRenderer(brandedFiles(), undefined, undefined, '/id');
    for (const sample of samples)
      for (const [tag, , attributes = ''] of tags(renderSample(below, sample, 'en')))
        for (const [, name, path = ''] of attributes.matchAll(/\s([\w-]+)="(\/[^"]*)"/g)) {
          expect(path, `${sample.slug}: ${name} of ${tag}`).toMatch(/^\/id\//);
          expect(path, `${sample.slug}: ${name} of ${tag}`).not.toMatch(/^\/id\/id\//);
        }
  });

  test('cannot be rendered with an incomplete context', () => {
    const sample = samples.find(({ page }) => page === 'sign-in/login/password')!;
    const { problem: _, ...rest } = sample.context as { problem: null };
    expect(() => renderSample(renderer, { ...sample, context: rest }, 'en')).toThrow('the page has no "problem"');
  });

  test('keeps the query in its language links, names the last requested language, and never a path', () => {
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

  test('begins its title with the error', () => {
    const wrong = samples.find(({ page, name }) => page === 'sign-in/login/password' && name === 'wrong');
    expect(renderSample(renderer, wrong!, 'en')).toContain('<title>Error: Enter your password');
    expect(renderSample(renderer, wrong!, 'de')).toContain('<title>Fehler: Passwort eingeben');
  });

  test('never shows a password again', () => {
    for (const html of everyHtml())
      for (const [tag] of html.matchAll(/<input[^>]*type="password"[^>]*>/g)) expect(tag).not.toContain('value=');
  });
});

describe('messages', () => {
  test.each(everyLanguage)('exist for each key of another language: %s', (language) => {
    expect(messages.keys(language).toSorted()).toEqual(messages.keys('en').toSorted());
  });

  test('have the same parameters in each language, in all plural forms', () => {
    const parameters = (language: Language, key: string, count: number) =>
      messages
        .parts(language, key, count)
        // Where a form stands for one number alone, a language may say it in a word.
        .flatMap((part) => ('parameter' in part && part.parameter !== 'count' ? [part.parameter] : []))
        .toSorted();
    for (const key of messages.keys('en'))
      for (const language of everyLanguage)
        for (const count of counts)
          expect(parameters(language, key, count), `${key}, ${language}`).toEqual(parameters('en', key, 2));
  });

  test.each(everyLanguage)('have every plural form of the language: %s', (language) => {
    const rules = new Intl.PluralRules(language);
    const needed = new Set(Array.from({ length: 200 }, (_, count) => rules.select(count)));
    const wrong = messages.keys(language).filter((key) => {
      const forms = messages.forms(language, key);
      return forms.length > 0 && [...needed].some((form) => !forms.includes(form));
    });
    expect(wrong).toEqual([]);
  });

  test('are all used: a message that no sample shows is dead, or its sample is missing', () => {
    everyHtml();
    const press = strictLetters((key) => usedKeys.add(key));
    for (const { letter, context } of letters) press.render(letter, context, 'en');
    const telephone = strictTexts((key) => usedKeys.add(key));
    for (const { template, context } of texts) telephone.render(template, context, 'en');
    const links = {
      privacyUrl: 'https://x.example/p',
      termsUrl: 'https://x.example/t',
      helpUrl: 'https://x.example/h',
    };
    const branded = strictRenderer(brandedFiles(), (key) => usedKeys.add(key), brandOf({ name: 'Fernway', ...links }));
    for (const sample of samples) renderSample(branded, sample, 'en');
    expect(messages.keys('en').filter((key) => !usedKeys.has(key))).toEqual([]);
  });

  test.each(everyLanguage)('have no markup, and typographic quotes: %s', (language) => {
    const texts = messages
      .keys(language)
      .flatMap((key) => counts.flatMap((count) => messages.parts(language, key, count)))
      .flatMap((part) => ('text' in part ? [part.text] : []));
    expect(texts.filter((text) => /[<>&"']|\.\.\.|\s{2}/.test(text))).toEqual([]);
  });
});

describe('templates', () => {
  /** file -> why what it marks as safe is safe. */
  const reviewed: Record<string, string> = { '_icons.njk': 'the shapes are constants of the same file' };

  test('mark text as safe only in reviewed places', () => {
    const unescaped = templates
      .filter(({ text }) => /\|\s*(?:safe|dump|urlize|striptags)\b|autoescape/.test(text))
      .map(({ name }) => name);
    expect(unescaped).toEqual(Object.keys(reviewed));
  });

  test.each(templates)('have no text of their own: $name', ({ text }) => {
    const words = text
      .replaceAll(/<style>[\s\S]*?<\/style>|&#?\w+;/g, ' ')
      .replaceAll(/\{#[\s\S]*?#\}|\{%[\s\S]*?%\}|\{\{[\s\S]*?\}\}|<pre[\s\S]*?<\/pre>|<[^>]*>|UTC/g, ' ')
      .match(/[A-Za-z]{2,}/g);
    expect(words).toBeNull();
  });

  test('are each a page, a part of a mail, a text message, or a partial that begins with an underscore', () => {
    const shown = new Set([
      ...samples.map(({ view }) => view.template),
      ...letters.flatMap(({ letter }) =>
        ['subject', 'text', 'html'].map((part) => `${letter.name.replace(/\/(?=[^/]+$)/, '/mail/')}.${part}.njk`),
      ),
      ...texts.map(({ template }) => `${template.name.replace(/\/(?=[^/]+$)/, '/sms/')}.text.njk`),
    ]);
    expect(templates.map(({ name }) => name).filter((name) => !shown.has(name) && !/(^|\/)_/.test(name))).toEqual([]);
  });
});

test('every error page has a link that leads on', () => {
  const errors = samples.filter(({ page }) => page.startsWith('errors/'));
  expect(errors.length).toBeGreaterThan(10);
  for (const sample of errors) expect(htmlOf(sample, 'en'), sample.name).toMatch(/<a class="btn[^"]*" href="[^"]+"/);
});
