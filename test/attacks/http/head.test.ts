/** HEAD looks (RFC 9110 §9.3.2): whatever a scanner or a preview asks for that way, the person's own request still works. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true, post_logout_redirect_uris: ['https://rp.example/bye'] });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

async function head(visitor: Visitor, url: string): Promise<Response> {
  const answer = await fetch(url, { method: 'HEAD', redirect: 'manual', headers: { cookie: visitor.cookies(url) } });
  expect(answer.status).toBeLessThan(500);
  expect(await answer.text()).toBe('');
  return answer;
}

test('does not perform any step of a sign-in', async () => {
  const visitor = new Visitor();
  let page = await visitor.request(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  let steps = 0;
  while (page.location?.startsWith(latchkey.base)) {
    const leaked = await head(visitor, page.location);
    expect(leaked.headers.get('location') ?? '').not.toContain('code=');
    page = await visitor.request(page.location);
    steps += 1;
  }
  for (const values of [{ email: user.email }, { password: user.password }]) {
    await head(visitor, page.url);
    const form = /<form[^>]*action="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    page = await visitor.request(new URL(form, page.url).href, { form: { csrf, action: 'continue', ...values } });
    while (page.location?.startsWith(latchkey.base)) {
      const leaked = await head(visitor, page.location);
      expect(leaked.headers.get('location') ?? '').not.toContain('code=');
      page = await visitor.request(page.location);
      steps += 1;
    }
  }
  expect(steps).toBeGreaterThanOrEqual(3);
  expect(new URL(page.location ?? 'x:').searchParams.get('code')).toMatch(/^lk_ac_/);
});

test('does not consume a pushed request', async () => {
  const answer = await fetch(`${latchkey.base}/oidc/par`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: client.redirect_uris[0] ?? '',
      response_type: 'code',
      scope: 'openid',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
    }),
  });
  const { request_uri } = (await answer.json()) as { request_uri: string };
  const url = `${latchkey.base}/oidc/auth?${new URLSearchParams({ client_id: client.client_id, request_uri }).toString()}`;
  const visitor = new Visitor();
  await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
  const looked = await head(visitor, url);
  expect([looked.status, looked.headers.get('allow'), looked.headers.get('location')]).toEqual([
    405,
    'GET, POST',
    null,
  ]);
  expect(new URL((await visitor.request(url)).location ?? 'x:').searchParams.get('code')).toMatch(/^lk_ac_/);
});

test('does not consume a setup link', async () => {
  const url = `${latchkey.base}${(await latchkey.app.setup.openLink()) ?? ''}`;
  const visitor = new Visitor();
  for (let i = 0; i < 3; i += 1) await head(visitor, url);
  expect((await visitor.open(url)).status).toBe(200);
});
