import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { formsOf, type Page, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp({ embedded: true });
  user = await latchkey.user({ name: 'Noor Haddad' });
});
afterAll(() => latchkey.close());

/** One click on the demo, then the provider's pages. */
async function signInAtDemo(visitor: Visitor, base = latchkey.base, person = user): Promise<Page> {
  let page = await visitor.open(`${base}/demo/sign-in`);
  for (const values of [{ email: person.email }, { password: person.password }])
    page = await visitor.submit(page, values);
  return visitor.submit(page, {}, 'allow');
}

describe('the demo', () => {
  test('signs a user in over HTTP and shows the claims', async () => {
    const page = await signInAtDemo(new Visitor());
    expect(page.url).toBe(`${latchkey.base}/demo`);
    expect(page.text).toContain('You’re signed in');
    expect(page.text).toContain('Noor Haddad');
    expect(page.text).toContain(user.email);
    expect(page.text).toMatch(/lk_at_[\w-]{43}/);
  });

  test('is registered once, under the address of this instance, as a public client', async () => {
    const client = await latchkey.run('clients.read', { client_id: 'demo' });
    expect(client).toMatchObject({
      redirect_uris: [`${latchkey.base}/demo/callback`],
      post_logout_redirect_uris: [`${latchkey.base}/demo`],
      token_endpoint_auth_method: 'none',
      client_secrets: [],
    });
  });

  test('uses its refresh token, and calls userinfo', async () => {
    const visitor = new Visitor();
    const page = await signInAtDemo(visitor);
    const accessToken = (text: string) => /lk_at_[\w-]+/.exec(text)?.[0];
    const refreshed = await visitor.submit(page, {}, 'refresh');
    expect(refreshed.text).toContain('The refresh token was used');
    expect(accessToken(refreshed.text)).not.toBe(accessToken(page.text));
    const asked = await visitor.submit(refreshed, {}, 'userinfo');
    expect(asked.text).toContain('The userinfo endpoint responded');
    expect((await visitor.open(`${latchkey.base}/demo`)).text).not.toContain('The userinfo endpoint responded');
  });

  test('signs out at the provider, and forgets', async () => {
    const visitor = new Visitor();
    const confirm = await visitor.submit(await signInAtDemo(visitor), {}, 'logout');
    expect(confirm.url).toContain('/oidc/logout');
    const start = await visitor.submit(confirm, {}, 'logout');
    expect(start.url).toBe(`${latchkey.base}/demo`);
    expect(start.text).toContain('An app that needs to know who you are');
    expect((await visitor.open(`${latchkey.base}/demo/sign-in`)).url).toMatch(/\/login$/);
  });

  test('says so when the user denies consent', async () => {
    const visitor = new Visitor();
    let page = await visitor.open(`${latchkey.base}/demo/sign-in`);
    page = await visitor.submit(page, { email: user.email });
    page = await visitor.submit(page, { password: user.password });
    page = await visitor.submit(page, {}, 'deny');
    expect(page.url).toBe(`${latchkey.base}/demo`);
    expect(page.text).toContain('You weren’t signed in');
    expect(page.text).toContain('access_denied');
  });

  test('shows the error of a refused refresh', async () => {
    const visitor = new Visitor();
    const page = await signInAtDemo(visitor);
    const refreshToken = /lk_rt_[\w-]+/.exec(page.text)?.[0] ?? '';
    await fetch(`${latchkey.base}/oidc/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'demo', token: refreshToken }),
    });
    const refused = await visitor.submit(page, {}, 'refresh');
    expect(refused.text).toContain('The provider refused the request');
    expect(refused.text).toContain('invalid_grant');
    expect((await visitor.submit(refused, {}, 'userinfo')).text).toContain('invalid_token');
  });

  test.each([
    { title: 'nobody began', query: 'code=x&state=made-up' },
    { title: 'carries no state', query: 'code=x' },
    { title: 'names what every object has', query: 'code=x&state=__proto__' },
  ])('refuses a response that $title', async ({ query }) => {
    const page = await new Visitor().open(`${latchkey.base}/demo/callback?${query}`);
    expect(page.url).toBe(`${latchkey.base}/demo`);
    expect(page.text).toContain('unknown_state');
  });

  test('accepts a response once, and only in the browser that asked', async () => {
    const visitor = new Visitor();
    const first = await visitor.request(`${latchkey.base}/demo/sign-in`);
    const state = new URL(first.location ?? '').searchParams.get('state') ?? '';
    const answer = `${latchkey.base}/demo/callback?${new URLSearchParams({ state, error: 'access_denied', iss: latchkey.base }).toString()}`;
    expect((await new Visitor().open(answer)).text).toContain('unknown_state');
    expect((await visitor.open(answer)).text).toContain('access_denied');
    expect((await visitor.open(answer)).text).toContain('unknown_state');
  });

  test('refuses a response from another issuer (RFC 9207)', async () => {
    const visitor = new Visitor();
    const first = await visitor.request(`${latchkey.base}/demo/sign-in`);
    const state = new URL(first.location ?? '').searchParams.get('state') ?? '';
    const page = await visitor.open(
      `${latchkey.base}/demo/callback?${new URLSearchParams({ state, code: 'x', iss: 'https://evil.example' }).toString()}`,
    );
    expect(page.text).toContain('You weren’t signed in');
  });

  test('gives the browser another cookie after a sign-in', async () => {
    const visitor = new Visitor();
    const cookie = () => /latchkey-demo=([\w-]+)/.exec(visitor.cookies(`${latchkey.base}/demo`))?.[1];
    await visitor.open(`${latchkey.base}/demo/sign-in`);
    const before = cookie();
    await signInAtDemo(visitor);
    expect(before).toMatch(/^[\w-]{43}$/);
    expect(cookie()).not.toBe(before);
  });

  test.each(['refresh', 'userinfo', 'sign-out'])(
    'refuses a POST to %s without the token of its form',
    async (action) => {
      const visitor = new Visitor();
      await signInAtDemo(visitor);
      const answer = await visitor.request(`${latchkey.base}/demo/${action}`, { form: {} });
      expect(answer.status).toBe(403);
    },
  );

  test('keeps its forms valid when its memory was emptied', async () => {
    const visitor = new Visitor();
    const page = await signInAtDemo(visitor);
    for (const [key, { name }] of visitor.jar) if (name === 'latchkey-demo') visitor.jar.delete(key);
    expect(formsOf(page)).not.toEqual([]);
    expect((await visitor.submit(page, {}, 'refresh')).text).toContain('An app that needs to know who you are');
  });

  test('is linked from the front page', async () => {
    const front = await new Visitor().open(`${latchkey.base}/`);
    expect(front.text).toContain('href="/demo"');
  });
});

/** A request that names another host than the one it goes to, as through a proxy. */
async function ask(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<IncomingMessage & { body: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    get({ host: '127.0.0.1', port, path, headers }, resolve).on('error', reject),
  );
  return Object.assign(answer, { body: await text(answer) });
}

describe('the demo on other machines', () => {
  test('finds its provider under a local name that no resolver knows', async () => {
    const port = await freePort();
    const inner = await startTestApp({
      embedded: true,
      env: { PORT: String(port), ISSUER: `http://id.localhost:${port}` },
    });
    try {
      const answer = await ask(port, '/demo/sign-in', { host: `id.localhost:${port}` });
      expect(answer.statusCode).toBe(303);
      expect(answer.headers.location).toMatch(
        new RegExp(`^http://id\\.localhost:${port}/oidc/auth\\?.*code_challenge=`),
      );
    } finally {
      await inner.close();
    }
  });

  test('says that it cannot reach its provider', async () => {
    const nobody = await freePort();
    const inner = await startTestApp({ embedded: true, env: { ISSUER: `http://localhost:${nobody}` } });
    try {
      const host = `localhost:${nobody}`;
      const answer = await ask(inner.config.port, '/demo/sign-in', { host });
      const cookie = (answer.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
      expect((await ask(inner.config.port, '/demo', { host, cookie })).body).toContain('provider_unreachable');
    } finally {
      await inner.close();
    }
  });

  test('does not exist with an external database', async () => {
    const { siteMap } = await import('../../../src/app/site-map.ts');
    expect(siteMap({ embedded: false }).map(({ path }) => path)).not.toContain('/demo');
  });
});
