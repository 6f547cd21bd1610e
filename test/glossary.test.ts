/** `docs/glossary.md`: one thing has one name on the pages, in each language. */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { languages, type Language } from '#kernel/i18n.ts';

const every = Object.keys(languages) as Language[];

const folder = (language: Language): string => `views/locales/${language}`;

/** The lines of the messages in a language, without the names in braces: `  "key": "text",` */
function lines(language: Language): string[] {
  const files = readdirSync(folder(language)).map((file) => readFileSync(`${folder(language)}/${file}`, 'utf8'));
  return files.flatMap((text) => text.split('\n'));
}

const rows = readFileSync('docs/glossary.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.slice(2, -2).split(' | '));
const [head = [], , ...terms] = rows;

/** Words that a language has another term for. */
const forbidden: Record<Language, RegExp> = {
  ar: /العامل الثاني|الإيميل/,
  de: /Zweitfaktor|zweite[nrs]? Faktor|verifiziert|\bEmail|Hauptadresse|einloggen|ausloggen|\bAccount|Kennwort/i,
  en: /second factor|confirmed address|e-mail|\blog ?in\b|\blog out\b|\b(some|any|every|no)body\b|\bwhoever\b/i,
  es: /segundo factor|\be-mail/i,
  fr: /deuxième facteur|second facteur|courriel|s’identifier/i,
  it: /secondo fattore|\be-mail|parola chiave/i,
  ja: /二要素|サインイン|電子メール/,
  nl: /tweede factor|geverifieerd|aanmelden|\buw?\b/i,
  pl: /drugi składnik|drugi czynnik/i,
  pt: /segundo fator|palavra-passe/i,
  tr: /ikinci faktör|\bparola|giriş yap/i,
  zh: /双重|帐号|帐户|登陆|邮箱地址|你/,
};

describe('the glossary', () => {
  test('has a column for each language', () => {
    expect(head.slice(2, -1)).toEqual(every.filter((language) => language !== 'en').toSorted());
  });

  test.each(every)('has the words of the pages: %s', (language) => {
    const column = language === 'en' ? 0 : head.indexOf(language);
    const texts = lines(language);
    const other = terms.filter((row) => {
      const key = (row.at(-1) ?? '').replaceAll('`', '');
      return !texts.some((line) => line.trim().replace(/,$/, '') === `"${key}": "${row[column]}"`);
    });
    expect(other).toEqual([]);
  });
});

test.each(every)('no other words are used for these things: %s', (language) => {
  const texts = lines(language).map((line) => line.replace(/^\s*"[^"]*":/, '').replaceAll(/\{\w+\}/g, ''));
  expect(texts.filter((text) => forbidden[language].test(text))).toEqual([]);
});
