/** How many requests a sign-in takes, and which page stands where. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { password, startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { walk } from '../../support/mfa.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let first: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  first = await latchkey.client({ first_party: true });
  user = await latchkey.user({ email_verified: true });
});
afterAll(() => latchkey.close());

class CountedVisitor extends Visitor {
  readonly requests: string[] = [];

  override async request(...given: Parameters<Visitor['request']>): Promise<Page> {
    const [url, { form } = {}] = given;
    const page = await super.request(...given);
    const path = new URL(url).pathname.replace(/[\w-]{40,}/, ':uid');
    this.requests.push(`${form ? 'POST' : 'GET'} ${path} ${page.status}`);
    return page;
  }
}

const url = (client: TestClient, challenge = pkce().challenge, extra: Record<string, string> = {}) =>
  authorizeUrl(latchkey.base, client, { code_challenge: challenge, ...extra });

test('a sign-in by password takes eight requests, from the authorization request to userinfo', async () => {
  const visitor = new CountedVisitor();
  const { verifier, challenge } = pkce();
  const back = await visitor.signIn(url(first, challenge, { scope: 'openid email' }), user);
  expect(visitor.requests).toEqual([
    'GET /oidc/auth 303',
    'GET /interaction/:uid 200',
    'POST /interaction/:uid/login 303',
    'GET /interaction/:uid/password 200',
    'POST /interaction/:uid/password 303',
    'GET /oidc/auth/:uid 303',
  ]);
  const { body } = await post(`${latchkey.base}/oidc/token`, first, {
    grant_type: 'authorization_code',
    code: back.get('code') ?? '',
    redirect_uri: first.redirect_uris[0] ?? '',
    code_verifier: verifier,
  });
  const about = await fetch(`${latchkey.base}/oidc/userinfo`, {
    headers: { authorization: `Bearer ${body.access_token}` },
  });
  expect(await about.json()).toMatchObject({ email: user.email });
});

test('a second factor takes two more, and one more on a page of its own', async () => {
  const { key: _key, ...holder } = await walk(latchkey, first).withApp();
  const visitor = new CountedVisitor();
  const asked = await visitor.submit(await visitor.open(url(first)), { email: holder.email });
  await visitor.submit(asked, { password: holder.password });
  expect(visitor.requests.slice(-3)).toEqual([
    'POST /interaction/:uid/password 303',
    'GET /interaction/:uid/second-factor 303',
    'GET /interaction/:uid/second-factor/totp 200',
  ]);
});

test('the first page is at the dispatcher and at its own address, every later one at its own only', async () => {
  const asking = await latchkey.client();
  const visitor = new Visitor();
  const start = (await visitor.request(url(asking))).location ?? '';
  const own = (text: string) => formsOf({ text, url: start })[0]?.action;
  const shown = await visitor.request(start);
  expect([shown.status, own(shown.text)]).toEqual([200, `${start}/login`]);
  expect(own((await visitor.request(`${start}/login`)).text)).toBe(`${start}/login`);
  const asked = await visitor.submit(shown, { email: user.email });
  expect((await visitor.request(start)).location).toBe(asked.url);
  const consent = await visitor.submit(asked, { password });
  const later = consent.url.replace(/\/consent$/, '');
  expect((await visitor.request(later)).status).toBe(200);
  expect((await visitor.request(start)).location).toBe(later);
});

test('a page out of turn is not shown at the dispatcher either', async () => {
  const visitor = new Visitor();
  const start = (await visitor.request(url(first, pkce().challenge, { prompt: 'create' }))).location ?? '';
  expect(formsOf(await visitor.request(start))[0]?.action).toBe(`${start}/create`);
  for (const page of ['/second-factor', '/consent', '/terms', '/account'])
    expect((await visitor.request(start + page)).location, page).toBe(start);
});
