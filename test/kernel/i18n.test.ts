import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { chooseLanguage, languages, readMessages } from '#kernel/i18n.ts';

describe('the language of a page', () => {
  test.each([
    { title: 'is English when nobody asks for anything', wishes: {}, language: 'en' },
    { title: 'is the first of ui_locales that we speak', wishes: { uiLocales: 'sv-FI sv de en' }, language: 'de' },
    {
      title: 'is found below a region and a variant (RFC 4647 §3.4)',
      wishes: { uiLocales: 'de-CH-1996' },
      language: 'de',
    },
    { title: 'ignores case', wishes: { uiLocales: 'DE-at' }, language: 'de' },
    { title: 'is not taken from a longer word that begins alike', wishes: { uiLocales: 'den' }, language: 'en' },
    {
      title: 'follows ui_locales before the memory of the browser',
      wishes: { uiLocales: 'en', remembered: 'de' },
      language: 'en',
    },
    {
      title: 'follows the memory before Accept-Language',
      wishes: { remembered: 'de', acceptLanguage: 'en' },
      language: 'de',
    },
    {
      title: 'forgets a memory that names no language',
      wishes: { remembered: '../de', acceptLanguage: 'de' },
      language: 'de',
    },
    {
      title: 'weighs Accept-Language (RFC 9110 §12.4.2)',
      wishes: { acceptLanguage: 'en;q=0.5, de-DE;q=0.9' },
      language: 'de',
    },
    { title: 'keeps the order of equal weights', wishes: { acceptLanguage: 'sv, de, en' }, language: 'de' },
    { title: 'does not speak what the browser refuses', wishes: { acceptLanguage: 'de;q=0' }, language: 'en' },
    { title: 'survives a weight that is no number', wishes: { acceptLanguage: 'de;q=x' }, language: 'en' },
    {
      title: 'survives names of object members',
      wishes: { uiLocales: '__proto__ constructor toString' },
      language: 'en',
    },
    { title: 'is no script that the user did not ask for', wishes: { acceptLanguage: 'zh-TW' }, language: 'en' },
    { title: 'is not the usual script of the region of another', wishes: { acceptLanguage: 'zh-HK' }, language: 'en' },
    { title: 'is no other script by name', wishes: { uiLocales: 'zh-Hant' }, language: 'en' },
    { title: 'is no other script of any language', wishes: { uiLocales: 'ar-Latn ja-Latn' }, language: 'en' },
    { title: 'is no related language', wishes: { uiLocales: 'zh-yue' }, language: 'en' },
    {
      title: 'is not the language that a browser adds to a script of its own',
      wishes: { acceptLanguage: 'zh-TW,zh;q=0.9,de;q=0.8' },
      language: 'de',
    },
    { title: 'is the usual one of its family', wishes: { uiLocales: 'zh-cmn-Hans-CN' }, language: 'zh' },
    { title: 'is the script that is named', wishes: { acceptLanguage: 'zh-Hans-TW' }, language: 'zh' },
    { title: 'is the usual script of the region', wishes: { acceptLanguage: 'zh-TW,zh-CN;q=0.5' }, language: 'zh' },
    { title: 'is the usual script of a language', wishes: { uiLocales: 'zh-SG' }, language: 'zh' },
    {
      title: 'is what this browser chose, whatever script its system has',
      wishes: { remembered: 'zh', acceptLanguage: 'zh-TW' },
      language: 'zh',
    },
    { title: 'stops reading after 32 ranges', wishes: { acceptLanguage: `${'sv,'.repeat(32)}de` }, language: 'en' },
  ])('$title', ({ wishes, language }) => {
    expect(chooseLanguage(wishes)).toBe(language);
  });
});

describe('messages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-locales-'));
  const write = (file: string, table: object) => {
    for (const language of Object.keys(languages)) mkdirSync(join(folder, language), { recursive: true });
    writeFileSync(join(folder, file), JSON.stringify(table));
  };
  write('en/page.json', {
    'page.plain': 'Hello',
    'page.named': '{name} greets {name} and {other}',
    'page.apps': { one: '{count} app', other: '{count} apps' },
  });
  write('en/other.json', { 'other.braces': 'a { b } {A} {} {a_b}' });
  write('de/page.json', { 'page.apps': { other: '{count} Apps' } });
  const messages = readMessages(pathToFileURL(`${folder}/`));

  test.each([
    { key: 'page.plain', parameters: {}, text: 'Hello' },
    { key: 'page.named', parameters: { name: '{other}', other: '$&' }, text: '{other} greets {other} and $&' },
    { key: 'page.apps', parameters: { count: 1 }, text: '1 app' },
    { key: 'page.apps', parameters: { count: 0 }, text: '0 apps' },
    { key: 'other.braces', parameters: {}, text: 'a { b } {A} {} {a_b}' },
  ])('insert parameters once and do not interpret them: $key, $parameters', ({ key, parameters, text }) => {
    expect(messages.text('en', key, parameters)).toBe(text);
  });

  test('fall back to the form "other" where a language has no form of its own', () => {
    expect(messages.text('de', 'page.apps', { count: 1 })).toBe('1 Apps');
  });

  test('are found only in the file that their key names', () => {
    const wrong = mkdtempSync(join(tmpdir(), 'latchkey-locales-'));
    mkdirSync(join(wrong, 'en'));
    writeFileSync(join(wrong, 'en/page.json'), '{"login.title":"Sign in"}');
    expect(() => readMessages(pathToFileURL(`${wrong}/`))).toThrow(
      'the message "login.title" is in the wrong file: page.json',
    );
  });

  test.each([
    { key: 'page.nothing', parameters: {}, error: 'no message "page.nothing" in en' },
    { key: 'constructor', parameters: {}, error: 'no message "constructor" in en' },
    { key: 'page.named', parameters: { name: 'x' }, error: 'the message "page.named" needs the parameter "other"' },
    { key: 'page.apps', parameters: {}, error: 'the message "page.apps" has plural forms and needs a count' },
  ])('throw instead of showing a gap: $key', ({ key, parameters, error }) => {
    expect(() => messages.text('en', key, parameters)).toThrow(error);
  });
});
