/**
 * A browser without JavaScript that obeys what matters between sites: cookies belong to a host, and `SameSite` decides which of
 * them go with a request that another site started. It sends the forms by itself that a SAML message travels in, as their script does.
 */
import { request } from 'undici';
import { formsOf, type Page } from '../../support/visitor.ts';

export type Form = Record<string, string>;
/** A SAML message on its way through the browser, by redirect or, with a form, by POST. */
export type Message = { url: string; form?: Form };
type Cookie = { host: string; path: string; name: string; value: string; sameSite: 'none' | 'lax' | 'strict' };
type Visit = Message & { from: string | null };

const MOST_HOPS = 25;

export class Browser {
  /** Every message between provider and service that went through, in order. */
  readonly messages: Message[] = [];
  /** Changes a message on its way; null keeps it from being sent. */
  onMessage: (message: Message) => Message | null = (message) => message;
  #cookies: Cookie[] = [];

  /** Opens an address as one that is typed in, and follows redirects and messages to the page where they end. */
  async open(url: string): Promise<Page> {
    return this.#arrive({ url, from: null });
  }

  /** One request that follows nothing: what the application answers to this browser now. */
  async look(url: string): Promise<Page> {
    return this.#request({ url, from: null });
  }

  /** Sends a form as a page of this origin does. */
  async post(url: string, form: Form, from: string): Promise<Page> {
    return this.#arrive({ url, form, from });
  }

  /** Fills in and sends a form of the page: the one that has these fields, or this button, or goes to an address with this end. */
  async submit(page: Page, values: Form = {}, which?: string): Promise<Page> {
    const forms = formsOf(page);
    const wanted = forms.find(({ fields, buttons, action }) =>
      which === undefined
        ? Object.keys(values).every((name) => name in fields)
        : buttons.some(({ value }) => value === which) || action.endsWith(which),
    );
    if (!wanted) throw new Error(`no form with ${which ?? Object.keys(values).join(', ')} at ${gist(page)}`);
    const pressed = wanted.buttons.find(({ value }) => value === which) ?? wanted.buttons[0];
    const form = { ...wanted.fields, ...values, ...(pressed?.name ? { [pressed.name]: pressed.value } : {}) };
    if (wanted.method.toLowerCase() === 'post') return this.post(wanted.action, form, page.url);
    const url = new URL(wanted.action);
    for (const [name, value] of Object.entries(form)) url.searchParams.set(name, value);
    return this.#arrive({ url: url.href, from: page.url });
  }

  /** Forgets the cookies of these hosts. */
  forget(hosts: readonly string[]): void {
    this.#cookies = this.#cookies.filter(({ host }) => !hosts.includes(host));
  }

  async #arrive(first: Visit): Promise<Page> {
    let visit = first;
    for (let hops = 0; hops < MOST_HOPS; hops += 1) {
      const isMessage = messageAddress.test(visit.url) || messageIn(visit.form ?? {});
      const passed = isMessage ? this.#pass(visit) : visit;
      if (passed === null) return { ...emptyPage, url: visit.url };
      const page = await this.#request({ ...visit, ...passed });
      // A redirect repeats neither the method nor the form, and the page that started all this stays the initiator.
      if (page.location) visit = { url: page.location, from: visit.from };
      else {
        const form = formsOf(page).find(({ fields }) => messageIn(fields));
        if (!form) return page;
        visit = { url: form.action, form: form.fields, from: page.url };
      }
    }
    throw new Error(`redirects without end at ${visit.url}`);
  }

  #pass({ url, form }: Visit): Message | null {
    const message = this.onMessage(form ? { url, form } : { url });
    if (message) this.messages.push(message);
    return message;
  }

  async #request({ url, form, from }: Visit): Promise<Page> {
    const { hostname, pathname, origin } = new URL(url);
    const isCrossSite = from !== null && new URL(from).hostname !== hostname;
    const cookies = this.#cookies.filter(
      ({ host, path, sameSite }) =>
        host === hostname &&
        (pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)) &&
        (!isCrossSite || sameSite === 'none' || (sameSite === 'lax' && !form)),
    );
    const answer = await request(url, {
      method: form ? 'POST' : 'GET',
      headers: {
        accept: 'text/html',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        'sec-fetch-site': from === null ? 'none' : isCrossSite ? 'cross-site' : 'same-origin',
        ...(cookies.length > 0 ? { cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; ') } : {}),
        ...(form
          ? { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(from ?? origin).origin }
          : {}),
      },
      ...(form ? { body: new URLSearchParams(form).toString() } : {}),
    });
    const lines = [answer.headers['set-cookie'] ?? []].flat();
    for (const line of lines) this.#keep(hostname, line);
    const location = [answer.headers['location'] ?? []].flat()[0];
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers))
      for (const each of [value ?? []].flat()) headers.append(name, each);
    return {
      ...emptyPage,
      status: answer.statusCode,
      url,
      headers,
      text: await answer.body.text(),
      location: location === undefined ? null : new URL(location, url).href,
    };
  }

  #keep(host: string, line: string): void {
    const [pair = '', ...attributes] = line.split(/;\s*/);
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const given = new Map(attributes.map((text) => [text.split('=')[0]?.toLowerCase(), text.split('=')[1] ?? '']));
    const path = given.get('path') || '/';
    const wanted = given.get('samesite')?.toLowerCase();
    const sameSite = wanted === 'none' && given.has('secure') ? 'none' : wanted === 'strict' ? 'strict' : 'lax';
    this.#cookies = this.#cookies.filter((one) => one.host !== host || one.path !== path || one.name !== name);
    const isPast = given.get('max-age') === '0' || Date.parse(given.get('expires') ?? '') < performance.timeOrigin;
    if (!isPast) this.#cookies.push({ host, path, name, value, sameSite });
  }
}

const emptyPage: Page = { status: 0, url: '', headers: new Headers(), text: '', location: null, isRefused: false };

/** A message of SAML, or the answer of a provider of OpenID Connect to the product. */
const messageAddress = /[?&]SAML(?:Request|Response)=|\/federation\/[^/]+\/callback\?/;
const messageIn = (form: Form): boolean => 'SAMLRequest' in form || 'SAMLResponse' in form;

/** Address, status and visible words of a page, for messages. */
export function gist({ url, status, text }: Page): string {
  const words = text.replace(/<(style|script|head)[\s\S]*?<\/\1>|<[^>]*>/g, ' ').replace(/\s+/g, ' ');
  return `${url.replace(/\?.*/, '?…')}: ${status} ${words.trim().slice(0, 300)}`;
}
