/**
 * Pages. A page is declared once, with the type of its context and samples of it, and is rendered through `show`:
 * the frame (language, form token, nonce, brand) comes from here, so that no page can lack it.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import nunjucks from 'nunjucks';
import type { Brand } from './brand.ts';
import { languages, loadMessages, requireParameter, type Language, type Messages } from './i18n.ts';

/** A page: its template below `views/`, and contexts that it must survive, the ugly ones among them. */
export type View<C extends object> = { readonly template: string; readonly samples: Readonly<Record<string, C>> };

export function view<C extends object>(
  template: string,
  { samples }: { samples: Readonly<Record<string, C>> },
): View<C> {
  return { template, samples };
}

/** What every page carries and no context may hold. */
export type Frame = {
  language: Language;
  /** Value of the hidden field `csrf` of every form. */
  csrf: string;
  /** CSP nonce of this answer. */
  nonce: string;
  /** Raw query of a GET request without `?`, kept by the language switch; empty for anything else. */
  query: string;
};

export type Render = <C extends object>(view: View<C>, context: NoInfer<C>) => string;

export type Renderer = { render<C extends object>(view: View<C>, context: NoInfer<C>, frame: Frame): string };

export type RendererOptions = {
  /** Asked at each page: the operator may change it while we run. */
  brand: () => Brand;
  /** Address of a file of `public/` by its name; throws on a name that does not exist. */
  assetUrl: (name: string) => string;
  /** Report of each message key that a page uses. With it a context refuses names that it does not have, also in an `if`. */
  inspect?: (key: string) => void;
};

const viewsFolder = fileURLToPath(new URL('../../views/', import.meta.url));

/** Compiles every template at once: a broken one stops the start, and nothing is read or compiled while serving. */
export function createRenderer({ brand, assetUrl, inspect }: RendererOptions): Renderer {
  const messages = loadMessages();
  const environment = new nunjucks.Environment(new nunjucks.FileSystemLoader(viewsFolder), {
    autoescape: true,
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  });
  environment.addGlobal('asset', assetUrl);
  environment.addGlobal('initials', initials);
  environment.addGlobal('webUrl', webUrl);
  for (const name of readdirSync(viewsFolder, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.njk')) environment.getTemplate(name.replaceAll('\\', '/'), true);

  const words = new Map<Language, ReturnType<typeof wordsOf>>();
  for (const language of Object.keys(languages) as Language[])
    words.set(language, wordsOf(messages, language, inspect));

  return {
    render(view, context, { language, csrf, nonce, query }) {
      return environment.render(view.template, {
        ...words.get(language),
        page: inspect ? strict(context) : context,
        brand: brand(),
        csrf,
        nonce,
        language,
        direction: languages[language].direction,
        otherLanguages: otherLanguages(language, query),
      });
    },
  };
}

/** Shows a page. Nothing that a person sees here may be kept by a cache: a page holds a form token, mostly more. */
export function show<C extends object>(ctx: Showable, status: number, view: View<C>, context: NoInfer<C>): void {
  const body = ctx.state.render(view, context);
  ctx.status = status;
  ctx.type = 'text/html; charset=utf-8';
  ctx.set('Cache-Control', 'no-store');
  ctx.body = body;
}

/** The part of a Koa context that a page needs. */
type Showable = {
  status: number;
  type: string;
  body: unknown;
  set(field: string, value: string): void;
  state: { render: Render };
};

const { SafeString } = nunjucks.runtime;
type Parameter = string | number | InstanceType<typeof SafeString>;

/** What templates say things with. Text is escaped here, except what a macro has already escaped. */
function wordsOf(messages: Messages, language: Language, inspect?: (key: string) => void) {
  const { formats } = languages[language];
  const units = new Map<string, Intl.NumberFormat>();
  const clockTime = new Intl.DateTimeFormat(formats, { timeStyle: 'short', timeZone: 'UTC' });
  const fullTime = new Intl.DateTimeFormat(formats, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });

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
          'text' in part ? escape(part.text) : escape(requireParameter(parameters, part.parameter, key)),
        );
      return new SafeString(text.join(''));
    },

    /** `4 minutes`, rounded up: nobody should come back too early. */
    duration(seconds: number): string {
      if (seconds < 60) return unit(Math.max(1, Math.ceil(seconds)), 'second');
      return seconds < 5400 ? unit(Math.ceil(seconds / 60), 'minute') : unit(Math.ceil(seconds / 3600), 'hour');
    },

    /** A `<time>`. We do not know the person's zone, so it is UTC until a script, if there is one, says it in theirs. */
    moment(date: Date, style: 'time' | 'full') {
      const text = `${(style === 'time' ? clockTime : fullTime).format(date)} UTC`;
      return new SafeString(`<time datetime="${date.toISOString()}" data-local="${style}">${escape(text)}</time>`);
    },
  };
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(value: Parameter): string {
  return value instanceof SafeString
    ? value.toString()
    : String(value).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/**
 * Links to this page in the other languages. They hold a query and no path: a path that came with the request
 * could begin with `//` and lead to another host.
 */
function otherLanguages(current: Language, query: string) {
  return Object.entries(languages)
    .filter(([language]) => language !== current)
    .map(([language, { name }]) => {
      const parameters = new URLSearchParams(query);
      parameters.set('ui_locales', language);
      return { language, name, href: `?${parameters.toString()}` };
    });
}

/** `Noor Haddad` and `noor.haddad@…` give NH, `noor@…` gives N. */
export function initials(name: string): string {
  const words = (name.includes('@') ? name.slice(0, name.lastIndexOf('@')) : name)
    .split(/[\s._+@-]+/u)
    .map(firstLetter)
    .filter((letter) => letter !== '');
  return `${words[0] ?? '?'}${words.length > 1 ? words.at(-1) : ''}`.toLocaleUpperCase();
}

const firstLetter = (word: string): string => /[\p{L}\p{N}]\p{M}*/u.exec(word)?.[0] ?? '';

/** An address that a page may link to, or null: a client's own link must not be `javascript:` or `data:`. */
function webUrl(address: string | null): string | null {
  const url = address === null ? null : URL.parse(address);
  return url && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : null;
}

/** The context, refusing every name that it does not have. */
function strict<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => strict<unknown>(item)) as T;
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, strict<unknown>(member)]));
  return new Proxy(members, {
    get(target, name) {
      if (typeof name === 'string' && !(name in target)) throw new Error(`the page has no "${name}"`);
      return Reflect.get(target, name);
    },
  }) as T;
}
