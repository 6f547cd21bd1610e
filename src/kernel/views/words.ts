/** The functions with which templates write text in one language: messages, durations, times. */
import { languages, requireParameter, type Language, type Messages } from '../i18n.ts';
import { Markup } from './templates.ts';

type Parameter = string | number | Markup;

/** `page` is HTML with our scripts, `letter` is HTML without any, `plain` is text. */
type Medium = 'page' | 'letter' | 'plain';

type Words = ReturnType<typeof wordsOf>;

/** Words that no one inspects, by their messages and medium: making formats of dates takes longer than using them. */
const made = new WeakMap<Messages, Map<Medium, ReadonlyMap<Language, Words>>>();

/** One set of words a language. `inspect` hears of each message key that is used. */
export function everyWords(
  messages: Messages,
  medium: Medium,
  inspect?: (key: string) => void,
): ReadonlyMap<Language, Words> {
  const known = made.get(messages) ?? new Map<Medium, ReadonlyMap<Language, Words>>();
  const words =
    (inspect ? undefined : known.get(medium)) ??
    new Map(
      (Object.keys(languages) as Language[]).map((language) => [language, wordsOf(messages, language, medium, inspect)]),
    );
  if (!inspect) made.set(messages, known.set(medium, words));
  return words;
}

/** Parameters are escaped here, except what a macro has already escaped. */
function wordsOf(messages: Messages, language: Language, medium: Medium, inspect?: (key: string) => void) {
  const { formats } = languages[language];
  const units = new Map<string, Intl.NumberFormat>();
  const clockTime = new Intl.DateTimeFormat(formats, { timeStyle: 'short', timeZone: 'UTC' });
  const day = new Intl.DateTimeFormat(formats, { dateStyle: 'long', timeZone: 'UTC' });
  const fullTime = new Intl.DateTimeFormat(formats, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
  const written = medium === 'plain' ? (value: Parameter) => String(value) : escape;

  function unit(amount: number, name: 'second' | 'minute' | 'hour'): string {
    let format = units.get(name);
    if (!format)
      units.set(name, (format = new Intl.NumberFormat(formats, { style: 'unit', unit: name, unitDisplay: 'long' })));
    return format.format(amount);
  }

  return {
    has: (key: string) => messages.has(language, key),

    /** The message of a key. Parameters are escaped unless a macro made them. */
    t(key: string, parameters: Readonly<Record<string, Parameter>> = {}) {
      inspect?.(key);
      const count = parameters['count'];
      const text = messages
        .parts(language, key, typeof count === 'number' ? count : undefined)
        .map((part) =>
          'text' in part ? written(part.text) : written(requireParameter(parameters, part.parameter, key)),
        );
      return new Markup(text.join(''));
    },

    /** `4 minutes`, rounded up, so that no user returns too early. */
    duration(seconds: number): string {
      if (seconds < 60) return unit(Math.max(1, Math.ceil(seconds)), 'second');
      return seconds < 5400 ? unit(Math.ceil(seconds / 60), 'minute') : unit(Math.ceil(seconds / 3600), 'hour');
    },

    /** A moment. We do not know the person's zone, so it is UTC until a script, if there is one, says it in theirs. */
    moment(date: Date, style: 'time' | 'full' | 'date') {
      const text = style === 'date' ? day.format(date) : `${(style === 'time' ? clockTime : fullTime).format(date)} UTC`;
      if (medium !== 'page') return text;
      return new Markup(`<time datetime="${date.toISOString()}" data-local="${style}">${escape(text)}</time>`);
    },
  };
}

/** Moments in the time zone of a reader, for mails, with its name: `22 November 2026 at 11:31 CET`. Null for a zone that is unknown here. */
export function momentsIn(timeZone: string, language: Language): ((date: Date, style: 'time' | 'full' | 'date') => string) | null {
  if (!isTimeZone(timeZone)) return null;
  const { formats } = languages[language];
  const styles = {
    time: { timeStyle: 'short' },
    full: { dateStyle: 'long', timeStyle: 'short' },
    date: { dateStyle: 'long' },
  } as const;
  const zone = new Intl.DateTimeFormat(formats, { timeZone, timeZoneName: 'short' });
  return (date, style) => {
    const text = new Intl.DateTimeFormat(formats, { ...styles[style], timeZone }).format(date);
    if (style === 'date') return text;
    return `${text} ${zone.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? timeZone}`;
  };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(value: Parameter): string {
  return value instanceof Markup
    ? value.toString()
    : String(value).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
