/**
 * Pages. A page is declared once, with the type of its context and samples of it, and is rendered through `show`:
 * the frame (language, form token, nonce, brand) comes from here, so that no page can lack it.
 */
import type { Brand } from './brand.ts';
import { languages, loadMessages, type Language } from './i18n.ts';
import { compileTemplates, strict } from './views/templates.ts';
import { everyWords } from './views/words.ts';

/** A page: its template below `views/`, and contexts that it must survive, the ugly ones among them. */
export type View<C extends object> = { readonly template: string; readonly samples: Readonly<Record<string, C>> };

const everyView: View<object>[] = [];

/** Declares a page: its template, the type of its context, and the samples for tests and gallery. */
export function view<C extends object>(
  template: string,
  { samples }: { samples: Readonly<Record<string, C>> },
): View<C> {
  const declared = { template, samples };
  everyView.push(declared);
  return declared;
}

/** Every page that was declared so far, for the preview and the tests. */
export const declaredViews = (): readonly View<object>[] => everyView;

/** Values on every page that no context may contain. */
type Frame = {
  language: Language;
  /** Value of the hidden field `csrf` of every form. */
  csrf: string;
  /** CSP nonce of this answer. */
  nonce: string;
  /** Null follows the system. */
  theme?: 'light' | 'dark' | null;
  /** The page stands in a frame of another page, to be looked at: it takes no focus. */
  isFramed?: boolean;
  /** The brand of the client of this page; by default the brand of the instance. */
  brand?: Brand | undefined;
  /** Raw query of a GET request without `?`, kept by the language switch; empty for anything else. */
  query: string;
};

export type Render = <C extends object>(view: View<C>, context: NoInfer<C>) => string;

export type Renderer = { render<C extends object>(view: View<C>, context: NoInfer<C>, frame: Frame): string };

type RendererOptions = {
  /** Asked at each page: the operator may change it while we run. */
  brand: () => Brand;
  /** Address of a file of `public/` by its name; throws on a name that does not exist. */
  assetUrl: (name: string) => string;
  /** The path of the issuer, below which all our pages are; empty unless said otherwise. */
  basePath?: string;
  /** Report of each message key that a page uses. With it a context refuses names that it does not have, also in an `if`. */
  inspect?: (key: string) => void;
};

/** Creates the renderer of pages. It throws for a variable that the context lacks. */
export function createRenderer({ brand, assetUrl, basePath, inspect }: RendererOptions): Renderer {
  const templates = compileTemplates('html', { asset: assetUrl, initials, webUrl }, basePath);
  const words = everyWords(loadMessages(), 'page', inspect);

  return {
    render(view, context, { language, csrf, nonce, query, theme = null, brand: special, isFramed = false }) {
      return templates.render(view.template, {
        ...words.get(language),
        page: inspect ? strict(context) : context,
        brand: special ?? brand(),
        csrf,
        nonce,
        theme,
        language,
        direction: languages[language].direction,
        languageName: languages[language].name,
        everyLanguage: everyLanguage(language, query),
        takesFocus: isFramed ? () => false : firstOnly(),
      });
    },
  };
}

/** One element of a page can have the focus on arrival: the first that asks. */
function firstOnly(): () => boolean {
  let isTaken = false;
  return () => !isTaken && (isTaken = true);
}

/** Shows a page. Nothing that a user sees here may be kept by a cache: a page holds a form token, mostly more. */
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

/**
 * The languages, with links to this page in the others. They hold a query and no path: a path that came with the request
 * could begin with `//` and lead to another host.
 */
function everyLanguage(current: Language, query: string) {
  return Object.entries(languages).map(([language, { name }]) => {
    const parameters = new URLSearchParams(query);
    parameters.set('ui_locales', language);
    return { language, name, href: language === current ? null : `?${parameters.toString()}` };
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
