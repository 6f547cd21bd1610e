/**
 * The state of every request. It is lazy: an endpoint for machines that needs no form token, no
 * nonce and no language pays for none.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type Koa from 'koa';
import type { Brand } from '../brand.ts';
import { DAY } from '../clock.ts';
import type { Config } from '../config.ts';
import { chooseLanguage, type Language } from '../i18n.ts';
import { basePathOf } from '../issuer.ts';
import type { Log } from '../log.ts';
import type { Render, Renderer, View } from '../views.ts';
import type { AddressResolver } from './client-address.ts';
import type { ClientCertificate, ClientCertificates } from './client-certificate.ts';
import { browserCookie, type BrowserCookie } from './cookies.ts';
import type { Csrf } from './csrf.ts';
import type { Mount, Mounts } from './mounts.ts';
import type { OwnTarget } from './own-target.ts';
import type { Refusals } from './refusal.ts';
import { LONGEST_USER_AGENT } from './limits.ts';

export type State = {
  /** The line of the site map that the path belongs to. */
  readonly mount: Mount | undefined;
  /** Random, ours alone: shown to users with a fault and written with every log line of the request. */
  readonly requestId: string;
  /** `outside` when the target is not below the path of the issuer, `elsewhere` when it is of another host (or `*`); `ctx.path` is `/` then. */
  readonly place: OwnTarget['place'];
  /** The origin that the request is for: the issuer's, or the alias that the request guard found in its Host. */
  calledOrigin: string;
  /** The URL of the request without its query, at that origin. */
  readonly calledUrl: string;
  /** CSP nonce of this answer, 128 random bits. */
  readonly nonce: string;
  /** Address of the client: the peer of the socket unless that is a trusted proxy. */
  readonly ip: string;
  /** The certificate that this client proved to hold, if it showed one (RFC 8705). */
  readonly clientCertificate: ClientCertificate | undefined;
  /** At most 512 characters; empty where there is none. */
  readonly userAgent: string;
  /** Chosen by `ui_locales`, this browser's memory, `Accept-Language`; a step that knows better may set it. */
  language: Language;
  /** How the user wants pages to look; null follows the system. */
  theme: 'light' | 'dark' | null;
  /** The page of this request stands in a frame of ours, to be looked at. */
  isFramed: boolean;
  /** The brand on the pages of this request; undefined for the brand of the instance. */
  brand: Brand | undefined;
  /** A language for this page, unless the browser knows another one that its user chose. */
  suggestLanguage(tag: string): void;
  /** Takes a wish (`ui_locales`) that did not come in the address, for this page and those that follow. */
  wishLanguage(uiLocales: string): void;
  /** Follows the browser from the next page on: what a page or an address asked for earlier is forgotten. */
  forgetLanguage(): void;
  /** Token for the field `csrf` of every form, bound to this browser and to what `bindForms` says. */
  readonly csrf: string;
  /** From here on forms belong to this holder, the session of a signed-in user, and to no other session of the same browser. */
  bindForms(holder: string): void;
  /** Whether the browser says that a page of ours sent the request, or says nothing. */
  isFromHere(): boolean;
  /** Whether the token came from a form that we showed to this browser. */
  isCsrfToken(token: string): boolean;
  /** Keeps what the page at this path shows once, for a minute and for the holder of this form (`formPage`). */
  keepRefusal(page: string, what: object): void;
  /** Whether this answer keeps one. */
  readonly isRefused: boolean;
  /** Forgets what this answer keeps: the form did its work in another request. */
  dropRefusal(): void;
  /** The stored error for the page that is shown now; once. */
  takeRefusal(): unknown;
  /** Child of the process's log that carries the request id. */
  readonly log: Log;
  render: Render;
};

/** The visitor, for events and limits. */
export function visitorOf({
  state: { ip, userAgent, requestId },
}: {
  state: Pick<State, 'ip' | 'userAgent' | 'requestId'>;
}) {
  return { ip, userAgent, requestId };
}

export type Context = Koa.ParameterizedContext<State, { params: Readonly<Record<string, string>> }>;
type Next = Koa.Next;
export type Middleware = (ctx: Context, next: Next) => Promise<unknown>;

type ContextDependencies = {
  config: Pick<Config, 'issuerUrl'>;
  targets: (target: string) => OwnTarget;
  log: Log;
  addresses: AddressResolver;
  certificates: ClientCertificates;
  csrf: Csrf;
  refusals: Refusals;
  mounts: Mounts;
  renderer: Renderer;
};

/** First of all middleware: everything after it may rely on `ctx.state`. */
export function openContext(dependencies: ContextDependencies): Middleware {
  const cookie = browserCookie(dependencies.config.issuerUrl, 'language', { maxAge: 365 * DAY });
  return async function openContext(ctx, next) {
    const state = new RequestState(ctx, dependencies, cookie);
    ctx.state = state;
    await next();
    if (ctx.method === 'GET' && ctx.status === 303) state.rememberWish();
  };
}

class RequestState implements State {
  readonly requestId = randomUUID();
  readonly ip: string;
  readonly place: OwnTarget['place'];
  readonly mount: Mount | undefined;
  calledOrigin: string;
  theme: 'light' | 'dark' | null = null;
  isFramed = false;
  brand: Brand | undefined;
  readonly #ctx: Context;
  readonly #dependencies: ContextDependencies;
  readonly #cookie: BrowserCookie;
  #nonce: string | undefined;
  #certificate: { found: ClientCertificate | undefined } | undefined;
  #csrf: string | undefined;
  #refused: string | undefined;
  #holder: string | undefined;
  #language: Language | undefined;
  #log: Log | undefined;

  constructor(ctx: Context, dependencies: ContextDependencies, cookie: BrowserCookie) {
    this.#ctx = ctx;
    this.#dependencies = dependencies;
    this.#cookie = cookie;
    const { headers, socket } = ctx.req;
    this.calledOrigin = dependencies.config.issuerUrl.origin;
    const found = dependencies.targets(ctx.originalUrl);
    this.place = found.place;
    const target = found.place === 'own' ? found.target : found.place === 'elsewhere' ? '/' : ctx.originalUrl;
    if (target !== ctx.originalUrl) ctx.url = ctx.originalUrl = ctx.request.originalUrl = target;
    // An address outside of the path of the issuer does not exist, whatever else it looks like.
    this.mount = found.place === 'outside' ? undefined : dependencies.mounts.find(ctx.path);
    this.ip = dependencies.addresses.resolve(socket.remoteAddress, joinedHeader(headers['x-forwarded-for']));
  }

  get calledUrl(): string {
    return `${this.calledOrigin}${basePathOf(this.#dependencies.config.issuerUrl)}${this.#ctx.path}`;
  }

  get nonce(): string {
    return (this.#nonce ??= randomBytes(16).toString('base64url'));
  }

  get clientCertificate(): ClientCertificate | undefined {
    this.#certificate ??= { found: this.#dependencies.certificates.of(this.#ctx.req) };
    return this.#certificate.found;
  }

  get userAgent(): string {
    return (this.#ctx.req.headers['user-agent'] ?? '').slice(0, LONGEST_USER_AGENT);
  }

  get csrf(): string {
    return (this.#csrf ??= this.#dependencies.csrf.issue(this.#ctx, this.#holder));
  }

  bindForms(holder: string): void {
    this.#holder = holder;
    this.#csrf = undefined;
  }

  isFromHere(): boolean {
    return this.#dependencies.csrf.isFromHere(this.#ctx);
  }

  isCsrfToken(token: string): boolean {
    return this.#dependencies.csrf.isIssued(this.#ctx, token, this.#holder);
  }

  get isRefused(): boolean {
    return this.#refused !== undefined;
  }

  dropRefusal(): void {
    if (this.#refused !== undefined) this.#dependencies.refusals.drop(this.#ctx, this.#refused);
    this.#refused = undefined;
  }

  keepRefusal(page: string, what: object): void {
    this.#refused = page;
    this.#dependencies.refusals.keep(this.#ctx, { page, holder: this.#holder ?? '' }, what);
  }

  takeRefusal(): unknown {
    if (this.#ctx.method !== 'GET') return undefined;
    // As it came: the engine's part of the application sees a shorter path.
    const [page = ''] = this.#ctx.originalUrl.split('?', 1);
    return this.#dependencies.refusals.take(this.#ctx, { page, holder: this.#holder ?? '' });
  }

  get language(): Language {
    return (this.#language ??= this.#chooseLanguage());
  }

  set language(language: Language) {
    this.#language = language;
  }

  get log(): Log {
    return (this.#log ??= this.#dependencies.log.child({ requestId: this.requestId }));
  }

  render<C extends object>(view: View<C>, context: NoInfer<C>): string {
    return this.#dependencies.renderer.render(view, context, {
      language: this.language,
      csrf: this.csrf,
      nonce: this.nonce,
      theme: this.theme,
      isFramed: this.isFramed,
      brand: this.brand,
      query: this.#ctx.method === 'GET' ? this.#ctx.querystring : '',
    });
  }

  /** The page that an answer leads to does not carry the wish of this address. */
  rememberWish(): void {
    if (this.#ctx.query['ui_locales'] !== undefined) this.#language ??= this.#chooseLanguage();
  }

  wishLanguage(uiLocales: string): void {
    this.#language = this.#chooseLanguage(uiLocales);
  }

  forgetLanguage(): void {
    this.#cookie.clear(this.#ctx);
  }

  suggestLanguage(tag: string): void {
    if (this.#ctx.query['ui_locales'] !== undefined || this.#cookie.read(this.#ctx) !== undefined) return;
    this.#language = chooseLanguage({
      uiLocales: tag,
      acceptLanguage: joinedHeader(this.#ctx.req.headers['accept-language']),
    });
  }

  #chooseLanguage(asked: unknown = this.#ctx.query['ui_locales']): Language {
    const uiLocales = typeof asked === 'string' ? asked : undefined;
    const remembered = this.#cookie.read(this.#ctx);
    const language = chooseLanguage({
      uiLocales,
      remembered,
      acceptLanguage: joinedHeader(this.#ctx.req.headers['accept-language']),
    });
    // A wish in the address outlives its page: the pages that follow in a sign-in do not carry it.
    if (uiLocales !== undefined && language !== remembered) this.#cookie.write(this.#ctx, language);
    return language;
  }
}

/** A header that may come several times, as one text. */
export function joinedHeader(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(', ');
}
