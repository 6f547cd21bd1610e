/** Walking the pages of passkeys as passkey.js does, without a browser. */
import type { Authenticator, Lies } from './authenticator.ts';
import type { TestApp, TestClient, TestUser } from './app.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from './visitor.ts';

/** The request to the authenticator in the form of a page; undefined without one. */
export function optionsOn(page: Page): never {
  const text = /data-options="([^"]*)"/.exec(page.text)?.[1];
  if (text === undefined) throw new Error(`nothing is asked at ${page.url} (${page.status})`);
  return JSON.parse(text.replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&#39;', "'")) as never;
}

export function passkeyVisits(latchkey: TestApp, client: TestClient) {
  const start = (extra: Record<string, string> = {}): string =>
    authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
  const codeIn = (page: Page): string | null =>
    page.location === null ? null : new URL(page.location).searchParams.get('code');
  const csrfOf = (page: Page): string => formsOf(page)[0]?.fields['csrf'] ?? '';

  /** The page that asks for a passkey, of a sign-in that begins here. */
  async function atPasskey(visitor: Visitor, email?: string): Promise<Page> {
    let page = await visitor.open(start());
    if (email !== undefined) page = await visitor.submit(page, { email });
    return visitor.open(page.url.replace(/\/[^/]+$/, '/passkey'));
  }

  /** Sends what the authenticator answers to the page. */
  const answer = (visitor: Visitor, page: Page, authenticator: Authenticator, lies: Lies = {}): Promise<Page> =>
    visitor.submit(page, { credential: authenticator.get(optionsOn(page), latchkey.base, lies) });

  /** A browser that could keep a passkey, behind the password of a person: the page that offers to make one, mostly. */
  async function afterPassword(visitor: Visitor, { email, password }: TestUser): Promise<Page> {
    const first = await visitor.open(start());
    await visitor.request(first.url.replace(/login$/, 'passkey/options'), {
      form: { csrf: csrfOf(first), platform: 'true' },
    });
    return visitor.submit(await visitor.submit(first, { email }), { password });
  }

  /** Enrols a passkey by the offer behind the password. */
  async function enrol(user: TestUser, authenticator: Authenticator, lies: Lies = {}): Promise<Page> {
    const visitor = new Visitor();
    const page = await afterPassword(visitor, user);
    return visitor.submit(page, { credential: authenticator.create(optionsOn(page), latchkey.base, lies) });
  }

  return { start, codeIn, csrfOf, atPasskey, answer, afterPassword, enrol };
}
