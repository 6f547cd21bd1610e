/** A browser without JavaScript: cookies with their paths, redirects one by one, forms by their names. */
import { createHash, randomBytes } from 'node:crypto';
import type { TestClient, TestUser } from './app.ts';

export type Page = {
  status: number;
  /** The page's own address: the dispatcher shows the first page of a sign-in, whose form goes there. */
  url: string;
  headers: Headers;
  text: string;
  location: string | null;
  /** Sends the browser to the page that says why a form was refused, or is that page. */
  isRefused: boolean;
};
type Form = {
  action: string;
  method: string;
  fields: Record<string, string>;
  buttons: { name: string; value: string }[];
};

const entities: Record<string, string> = { '&quot;': '"', '&#39;': "'", '&lt;': '<', '&gt;': '>', '&amp;': '&' };
export const unescaped = (text: string): string =>
  text.replace(/&(quot|#39|lt|gt|amp);/g, (entity) => entities[entity] ?? entity);

export class Visitor {
  readonly jar = new Map<string, { name: string; value: string; path: string }>();
  readonly #headers: Record<string, string>;

  constructor(headers: Record<string, string> = {}) {
    this.#headers = headers;
  }

  cookies(url: string): string {
    const { pathname } = new URL(url);
    return [...this.jar.values()]
      .filter(({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  /** One request; a redirect is not followed. */
  async request(
    url: string,
    {
      form,
      headers = {},
    }: { form?: Record<string, string> | FormData | undefined; headers?: Record<string, string> } = {},
  ): Promise<Page> {
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      ...(form ? { body: form instanceof FormData ? form : new URLSearchParams(form) } : {}),
      headers: {
        accept: 'text/html',
        ...this.#headers,
        cookie: this.cookies(url),
        ...(form ? { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' } : {}),
        ...headers,
      },
    });
    for (const line of answer.headers.getSetCookie()) this.#keep(line);
    const location = answer.headers.get('location');
    const text = await answer.text();
    return {
      status: answer.status,
      url: answer.status === 200 ? ownAddress(url, text) : url,
      headers: answer.headers,
      text,
      location: location && new URL(location, url).href,
      isRefused: answer.headers.getSetCookie().some((line) => /latchkey-([0-9a-f]{8}-)?refused-/.test(line)),
    };
  }

  /** Follows redirects until there is a page, or until one leads to another origin. */
  async open(url: string, form?: Record<string, string>): Promise<Page> {
    let page = await this.request(url, { form });
    for (let hops = 0; page.location && new URL(page.location).origin === new URL(page.url).origin; hops += 1) {
      if (hops > 15) throw new Error(`redirects without end at ${page.location}`);
      page = await this.request(page.location);
    }
    return page;
  }

  /** The page behind a redirect. */
  async follow(page: Page): Promise<Page> {
    return page.location === null ? page : this.open(page.location);
  }

  /** Sends the form that has this button, or the first one. */
  async submit(page: Page, values: Record<string, string> = {}, button?: string): Promise<Page> {
    const forms = formsOf(page);
    const form =
      button === undefined ? forms[0] : forms.find(({ buttons }) => buttons.some(({ value }) => value === button));
    if (!form) throw new Error(`no form with ${button ?? 'anything'} at ${page.url} (${page.status})`);
    const pressed = form.buttons.find(({ value }) => value === button) ?? form.buttons[0];
    return this.open(form.action, {
      ...form.fields,
      ...values,
      ...(pressed?.name ? { [pressed.name]: pressed.value } : {}),
    });
  }

  /** Walks the hosted pages to the redirect back: e-mail address, password, leave. */
  async signIn(url: string, { email, password }: Pick<TestUser, 'email' | 'password'>): Promise<URLSearchParams> {
    let page = await this.open(url);
    for (let pages = 0; pages < 6; pages += 1) {
      if (page.location) return new URL(page.location).searchParams;
      const [form] = formsOf(page);
      if (!form) throw new Error(`no form at ${page.url} (${page.status})`);
      const isOfSomebodyElse = (form.fields['email'] ?? email) !== email;
      if ('password' in form.fields && isOfSomebodyElse)
        page = await this.open(new URL(page.url.replace(/\/password$/, '/login')).href);
      else if ('password' in form.fields) page = await this.submit(page, { password });
      else if ('email' in form.fields) page = await this.submit(page, { email });
      else
        page = await this.submit(page, {}, form.buttons.some(({ value }) => value === 'allow') ? 'allow' : undefined);
      if (page.isRefused) throw new Error(`refused at ${page.url}`);
    }
    throw new Error(`still at ${page.url}`);
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(/;\s*/);
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const attribute = (wanted: string) =>
      attributes.find((text) => text.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
    const path = attribute('path') ?? '/';
    const expires = attribute('expires');
    if (value === '' || (expires && Date.parse(expires) < performance.timeOrigin)) this.jar.delete(`${path} ${name}`);
    else this.jar.set(`${path} ${name}`, { name, value, path });
  }
}

function ownAddress(url: string, text: string): string {
  if (!/\/interaction\/[^/]+$/.test(new URL(url).pathname)) return url;
  const [form] = formsOf({ text, url });
  return form?.action.replace(/\?.*$/, '') ?? url;
}

export function formsOf(page: Pick<Page, 'text' | 'url'>): Form[] {
  const attribute = (tag: string, name: string): string | undefined => {
    const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
    return found === undefined ? undefined : unescaped(found);
  };
  const byId = new Map<string, Form>();
  const forms = [...page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head = '', body = '']) => {
    const form: Form = {
      action: new URL(attribute(` ${head}`, 'action') ?? page.url, page.url).href,
      method: attribute(` ${head}`, 'method') ?? 'get',
      fields: {},
      buttons: [],
    };
    for (const [tag] of body.matchAll(/<(?:input|button)\b[^>]*>/g)) {
      const name = attribute(tag, 'name') ?? '';
      if (attribute(tag, 'type') === 'button') continue;
      if (tag.startsWith('<button')) form.buttons.push({ name, value: attribute(tag, 'value') ?? '' });
      else if (name && attribute(tag, 'type') !== 'checkbox') form.fields[name] = attribute(tag, 'value') ?? '';
    }
    byId.set(attribute(` ${head}`, 'id') ?? '', form);
    return form;
  });
  // A button with an address of its own sends the fields of its form there.
  const sentElsewhere = [...page.text.matchAll(/<button\b[^>]*\sformaction="[^"]*"[^>]*>/g)].flatMap(
    ([tag]): Form[] => {
      const owner = byId.get(attribute(tag, 'form') ?? '');
      const action = new URL(attribute(tag, 'formaction') ?? '', page.url).href;
      const button = { name: attribute(tag, 'name') ?? '', value: attribute(tag, 'value') ?? '' };
      return owner === undefined ? [] : [{ ...owner, action, buttons: [button] }];
    },
  );
  return [...forms, ...sentElsewhere];
}

export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** An authorization request; give `undefined` to leave a parameter out. */
export function authorizeUrl(
  base: string,
  client: Pick<TestClient, 'client_id' | 'redirect_uris'>,
  extra: Record<string, string | undefined> = {},
): string {
  const parameters = {
    client_id: client.client_id,
    redirect_uri: client.redirect_uris[0],
    response_type: 'code',
    scope: 'openid',
    state: 'st',
    nonce: 'no',
    code_challenge_method: 'S256',
    ...extra,
  };
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `${base}/oidc/auth?${new URLSearchParams(given).toString()}`;
}

export type TokenAnswer = {
  status: number;
  headers: Headers;
  body: Record<string, unknown> & { access_token: string; refresh_token: string; id_token: string; error: string };
};

/** A request to the token endpoint, or to another one that clients authenticate at. Public clients send their id alone. */
export async function post(
  url: string,
  client: Pick<TestClient, 'client_id' | 'client_secret'>,
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const basic = client.client_secret
    ? {
        authorization: `Basic ${Buffer.from(`${encodeURIComponent(client.client_id)}:${encodeURIComponent(client.client_secret)}`).toString('base64')}`,
      }
    : {};
  const body = new URLSearchParams(client.client_secret ? parameters : { client_id: client.client_id, ...parameters });
  const answer = await fetch(url, { method: 'POST', body, headers: { ...basic, ...headers } });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: (text.startsWith('{') ? JSON.parse(text) : { text }) as TokenAnswer['body'],
  };
}

/** Sign-in and code exchange in one: what a relying party has when all went well. */
export async function tokensFor(
  base: string,
  client: TestClient,
  user: Pick<TestUser, 'email' | 'password'>,
  extra: Record<string, string | undefined> = {},
  visitor = new Visitor(),
): Promise<TokenAnswer['body']> {
  const { verifier, challenge } = pkce();
  const back = await visitor.signIn(authorizeUrl(base, client, { code_challenge: challenge, ...extra }), user);
  const code = back.get('code');
  if (!code) throw new Error(`no code: ${back.toString()}`);
  const answer = await post(`${base}/oidc/token`, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirect_uris[0] ?? '',
    code_verifier: verifier,
  });
  if (answer.status !== 200) throw new Error(`no tokens: ${JSON.stringify(answer.body)}`);
  return answer.body;
}
