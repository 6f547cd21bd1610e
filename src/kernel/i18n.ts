/**
 * Words. Templates and code know keys; the sentences live in `views/locales/<language>/<slice>.json`, flat tables whose keys
 * begin with the name of their file: `login.title` is in `login.json`.
 *
 * A message is plain text with `{name}` placeholders, or an object of plural forms chosen by `{count}`. It never holds
 * markup: what is bold or linked comes in as a parameter from the template, so a translator cannot break a page.
 */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * One row a language; `name` is what it calls itself, `formats` the locale of its dates and numbers. Adding one is this row and its folder of messages; a
 * right-to-left one turns the pages round by itself.
 */
const rows = {
  en: { name: 'English', direction: 'ltr', formats: 'en-GB' },
  de: { name: 'Deutsch', direction: 'ltr', formats: 'de' },
  fr: { name: 'Français', direction: 'ltr', formats: 'fr' },
  es: { name: 'Español', direction: 'ltr', formats: 'es' },
  pt: { name: 'Português', direction: 'ltr', formats: 'pt' },
  it: { name: 'Italiano', direction: 'ltr', formats: 'it' },
  nl: { name: 'Nederlands', direction: 'ltr', formats: 'nl' },
  pl: { name: 'Polski', direction: 'ltr', formats: 'pl' },
  tr: { name: 'Türkçe', direction: 'ltr', formats: 'tr' },
  ja: { name: '日本語', direction: 'ltr', formats: 'ja' },
  zh: { name: '简体中文', direction: 'ltr', formats: 'zh-Hans' },
  ar: { name: 'العربية', direction: 'rtl', formats: 'ar-u-nu-latn' },
} as const satisfies Record<string, LanguageRow>;

type LanguageRow = { name: string; direction: 'ltr' | 'rtl'; formats: string };
export type Language = keyof typeof rows;
export const languages: Readonly<Record<Language, LanguageRow>> = rows;

const pluralRules = Object.fromEntries(
  Object.keys(languages).map((language) => [language, new Intl.PluralRules(language)]),
) as Readonly<Record<Language, Intl.PluralRules>>;

export const defaultLanguage: Language = 'en';

type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
type Message = string | Plural;

/** A piece of a message: text of ours, or the name of a parameter. */
type Part = { text: string } | { parameter: string };

export type Messages = {
  has(language: Language, key: string): boolean;
  keys(language: Language): readonly string[];
  /** The plural forms that a message has; none when it has one text for all. Throws on an unknown key. */
  forms(language: Language, key: string): readonly string[];
  /** The message in pieces, for callers that must escape the parameters. Throws on an unknown key. */
  parts(language: Language, key: string, count?: number): readonly Part[];
  /** The message as plain text, for mail subjects and logs. Throws on an unknown key or a parameter that is not given. */
  text(language: Language, key: string, parameters?: Readonly<Record<string, string | number>>): string;
};

const localesFolder = new URL('../../views/locales/', import.meta.url);

/** The messages of `views/locales`. They do not change while a process runs. */
let shipped: Messages | undefined;

/** Every language, read when the first caller asks. */
export const loadMessages = (): Messages => (shipped ??= readMessages(localesFolder));

/** Reads every language in `folder`. Throws for a message that is in the wrong file. */
export function readMessages(folder: URL): Messages {
  const tables = new Map<Language, ReadonlyMap<string, Message>>();
  for (const language of Object.keys(languages) as Language[])
    tables.set(language, readTable(new URL(`${language}/`, folder)));
  const split = new Map<string, readonly Part[]>();

  function find(language: Language, key: string): Message {
    const message = tables.get(language)?.get(key);
    if (message === undefined) throw new Error(`no message "${key}" in ${language}`);
    return message;
  }

  function form(language: Language, key: string, count: number | undefined): string {
    const message = find(language, key);
    if (typeof message === 'string') return message;
    if (count === undefined) throw new Error(`the message "${key}" has plural forms and needs a count`);
    return message[pluralRules[language].select(count)] ?? message.other;
  }

  function parts(language: Language, key: string, count?: number): readonly Part[] {
    const message = form(language, key, count);
    let found = split.get(message);
    if (!found) split.set(message, (found = splitMessage(message)));
    return found;
  }

  return {
    has: (language, key) => tables.get(language)?.has(key) ?? false,
    keys: (language) => [...(tables.get(language)?.keys() ?? [])],
    forms(language, key) {
      const message = find(language, key);
      return typeof message === 'string' ? [] : Object.keys(message);
    },
    parts,
    text(language, key, parameters = {}) {
      const count = parameters['count'];
      return parts(language, key, typeof count === 'number' ? count : undefined)
        .map((part) => ('text' in part ? part.text : String(requireParameter(parameters, part.parameter, key))))
        .join('');
    },
  };
}

function readTable(folder: URL): ReadonlyMap<string, Message> {
  const table = new Map<string, Message>();
  for (const file of readdirSync(folder)) {
    const messages = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, Message>;
    for (const [key, message] of Object.entries(messages)) {
      if (!key.startsWith(file.replace(/json$/, '')))
        throw new Error(`the message "${key}" is in the wrong file: ${file}`);
      table.set(key, message);
    }
  }
  return table;
}

/** The parameter `name` of the message `key`. Throws if it is missing or null. */
export function requireParameter<T>(parameters: Readonly<Record<string, T>>, name: string, key: string): T & {} {
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (value === undefined || value === null) throw new Error(`the message "${key}" needs the parameter "${name}"`);
  return value;
}

function splitMessage(message: string): readonly Part[] {
  return message
    .split(/(\{[a-z][A-Za-z]*\})/)
    .filter((piece) => piece !== '')
    .map((piece) => (/^\{[a-z][A-Za-z]*\}$/.test(piece) ? { parameter: piece.slice(1, -1) } : { text: piece }));
}

/** The languages that the user or the browser asks for, the preferred one first. */
type LanguageWishes = {
  /** `ui_locales` of OpenID Connect Core 1.0 §3.1.2.1: language tags separated by spaces, the best first. */
  uiLocales?: string | undefined;
  /** The choice that this browser made earlier. */
  remembered?: string | undefined;
  /** `Accept-Language`, RFC 9110 §12.5.4. */
  acceptLanguage?: string | undefined;
};

/** Headers are untrusted: more ranges than this are ignored. */
const MOST_RANGES = 32;

/**
 * The first supported language among `ui_locales`, the remembered language and Accept-Language (RFC 4647 §3.4);
 * otherwise the default language.
 */
export function chooseLanguage({ uiLocales, remembered, acceptLanguage }: LanguageWishes): Language {
  const asked = (uiLocales ?? '').split(' ').slice(0, MOST_RANGES);
  const wishes = [asked, [remembered ?? ''], acceptedTags(acceptLanguage ?? '')];
  for (const tags of wishes) {
    const language = firstSupported(tags);
    if (language) return language;
  }
  return defaultLanguage;
}

/** Browsers put `zh` behind `zh-TW` by themselves: it does not ask for simplified characters. */
function firstSupported(tags: readonly string[]): Language | undefined {
  const inOtherScript = new Set<string>();
  for (const tag of tags) {
    const language = lookup(tag);
    if (language === undefined) continue;
    const isBare = tag.trim().toLowerCase() === language;
    if (isBare ? !inOtherScript.has(language) : scriptOf(tag) === scriptOf(language)) return language;
    inOtherScript.add(language);
  }
  return undefined;
}

/** Lookup of RFC 4647 §3.4: `de-CH-1996`, then `de-CH`, then `de`. */
function lookup(tag: string): Language | undefined {
  for (
    let rest = canonicalTag(tag).toLowerCase();
    rest !== '';
    rest = rest.slice(0, Math.max(0, rest.lastIndexOf('-')))
  )
    if (Object.hasOwn(languages, rest)) return rest as Language;
  return undefined;
}

/** RFC 5646 §4.5: `zh-yue` is `yue`, another language than `zh`, in the form that older programs send; `zh-cmn` is the usual one. */
function canonicalTag(tag: string): string {
  return tag
    .trim()
    .replace(/^[a-z]{2,3}-([a-z]{3})(?=-|$)/i, (_tag, language: string) => (/^cmn$/i.test(language) ? 'zh' : language));
}

/**
 * The script in which a language is written, from the likely subtags of CLDR: `Hant` for zh-TW. In CLDR the parent of a locale in
 * another script than the usual one is the root, not the language: who reads the one may not read the other.
 */
function scriptOf(tag: string): string | undefined {
  try {
    return new Intl.Locale(canonicalTag(tag)).maximize().script;
  } catch {
    return new Intl.Locale(lookup(tag) ?? defaultLanguage).maximize().script;
  }
}

function acceptedTags(header: string): readonly string[] {
  return header
    .split(',', MOST_RANGES)
    .map((range) => {
      const [tag = '', ...parameters] = range.split(';').map((piece) => piece.trim());
      const quality = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2);
      return { tag, quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ quality }) => quality > 0 && quality <= 1)
    .toSorted((a, b) => b.quality - a.quality)
    .map(({ tag }) => tag);
}
