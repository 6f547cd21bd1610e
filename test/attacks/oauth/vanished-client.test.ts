import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

const bye = 'http://127.0.0.1:9/bye';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

let latchkey: TestApp;
let web: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  web = await latchkey.client({ first_party: true });
  user = await latchkey.user();
});
afterEach(() => void vi.useRealTimers());
afterAll(() => latchkey.close());

const request = (client: TestClient, more: Record<string, string> = {}) =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, scope: 'openid email', ...more });
async function signedIn(): Promise<Visitor> {
  const visitor = new Visitor();
  await visitor.signIn(request(web), user);
  return visitor;
}
const change = (client: TestClient, values: Record<string, unknown>) =>
  latchkey.run('clients.update', { client_id: client.client_id, ...values });
const ends: [string, (client: TestClient) => Promise<unknown>][] = [
  ['disabled', (client) => latchkey.run('clients.disable', { client_id: client.client_id })],
  ['deleted', (client) => latchkey.run('clients.delete', { client_id: client.client_id })],
];

/** A page of ours that says what is wrong, and leads nowhere. */
function expectClear(page: Page): void {
  expect(page.location).toBeNull();
  expect(page.status).toBeGreaterThanOrEqual(400);
  expect(page.status).toBeLessThan(500);
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(page.text).toContain('<h1');
  expect(page.text).toContain(`<link rel="stylesheet"`);
}

describe.each(ends)('a client that is %s', (_how, end) => {
  test.each<
    [string, (visitor: Visitor, client: TestClient) => Promise<Page>, (visitor: Visitor, page: Page) => Promise<Page>]
  >([
    [
      'while the user reads the page for the address',
      (visitor, client) => visitor.open(request(client)),
      (visitor, page) => visitor.submit(page, { email: user.email }),
    ],
    [
      'while the user types the password',
      async (visitor, client) => visitor.submit(await visitor.open(request(client)), { email: user.email }),
      (visitor, page) => visitor.submit(page, { password: user.password }),
    ],
    [
      'while the user reads what it wants',
      async (visitor, client) => {
        const page = await visitor.submit(await visitor.open(request(client)), { email: user.email });
        return visitor.submit(page, { password: user.password });
      },
      (visitor, page) => visitor.submit(page, {}, 'allow'),
    ],
    [
      'before the user refuses what it wants',
      async (visitor, client) => {
        const page = await visitor.submit(await visitor.open(request(client)), { email: user.email });
        return visitor.submit(page, { password: user.password });
      },
      (visitor, page) => visitor.submit(page, {}, 'deny'),
    ],
  ])('%s: the page says so, also after a reload', async (_where, begin, goOn) => {
    const client = await latchkey.client();
    const visitor = new Visitor();
    const page = await begin(visitor, client);
    expect(page.status).toBe(200);
    await end(client);
    expectClear(await visitor.open(page.url));
    expectClear(await goOn(visitor, page));
  });

  test('between the last step of a sign-in and its redirect: the browser is not redirected', async () => {
    const client = await latchkey.client({ first_party: true });
    const visitor = new Visitor();
    const page = await visitor.submit(await visitor.open(request(client)), { email: user.email });
    const [form] = formsOf(page);
    let answer = await visitor.request(form!.action, { form: { ...form!.fields, password: user.password } });
    while (answer.location && !answer.location.includes('/oidc/auth/')) answer = await visitor.request(answer.location);
    expect(answer.location).toContain('/oidc/auth/');
    await end(client);
    expectClear(await visitor.open(answer.location!));
  });

  const device = () => latchkey.client({ type: 'native', redirect_uris: [], grant_types: [DEVICE, 'refresh_token'] });
  const ask = async (client: TestClient) =>
    (await post(`${latchkey.base}/oidc/device/auth`, client, { scope: 'openid email' })).body;
  const poll = async (client: TestClient, code: unknown) => {
    const { status, body } = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: DEVICE,
      device_code: String(code),
    });
    return [status, body.error];
  };

  test('while its device waits: the code, its confirmation and the consent lead to a clear page, and the device receives an error', async () => {
    const client = await device();
    const [entered, confirmed, asked] = [await ask(client), await ask(client), await ask(client)];
    const [first, second, third] = [await signedIn(), await signedIn(), await signedIn()];
    const enter = async (visitor: Visitor, code: unknown) =>
      visitor.submit(await visitor.open(`${latchkey.base}/oidc/device`), { user_code: String(code) });
    const form = await first.open(`${latchkey.base}/oidc/device`);
    const confirm = await enter(second, confirmed['user_code']);
    const consent = await third.submit(await enter(third, asked['user_code']), {}, 'confirm');
    expect(formsOf(consent)[0]?.buttons.map(({ value }) => value)).toContain('allow');
    await end(client);
    expectClear(await first.submit(form, { user_code: String(entered['user_code']) }));
    expectClear(await second.submit(confirm, {}, 'confirm'));
    expectClear(await third.submit(consent, {}, 'allow'));
    for (const { device_code: code } of [entered, confirmed, asked])
      expect(await poll(client, code)).toEqual([401, 'invalid_client']);
  });

  test('while the user signs out of it: the user is signed out or stays, as chosen', async () => {
    for (const [button, left] of [
      ['logout', false],
      ['stay', true],
    ] as const) {
      const client = await latchkey.client({ post_logout_redirect_uris: [bye] });
      const visitor = await signedIn();
      const { id_token: hint } = await tokensFor(latchkey.base, client, user, {}, visitor);
      const asked = { id_token_hint: hint, post_logout_redirect_uri: bye, state: 'st' };
      const page = await visitor.open(`${latchkey.base}/oidc/logout?${new URLSearchParams(asked).toString()}`);
      await end(client);
      const last = await visitor.submit(page, {}, button);
      expect([last.status, last.location]).toEqual([200, null]);
      const silent = await visitor.signIn(request(web, { prompt: 'none' }), user);
      expect(silent.has('code')).toBe(left);
      const again = await visitor.open(page.url);
      expect([again.status, again.location]).toEqual([200, null]);
    }
  });
});

describe('a client that changes while the user signs in', () => {
  async function atConsent(client: TestClient): Promise<[Visitor, Page]> {
    const visitor = await signedIn();
    return [visitor, await visitor.open(request(client))];
  }

  test.each<[string, Record<string, unknown>, string]>([
    ['may not ask for a scope any more', { scope: 'openid' }, 'invalid_scope'],
    [
      'may not ask for a code any more',
      { grant_types: ['implicit'], response_types: ['id_token'] },
      'unauthorized_client',
    ],
  ])('and %s is told so', async (_what, values, error) => {
    const client = await latchkey.client({ redirect_uris: ['https://rp.example/cb'] });
    const [visitor, page] = await atConsent(client);
    await change(client, values);
    const back = await visitor.submit(page, {}, 'allow');
    expect(new URL(back.location ?? 'x:').searchParams.get('error')).toBe(error);
    expect(new URL(back.location ?? 'x:').searchParams.has('code')).toBe(false);
  });

  test.each(['allow', 'deny'])('and gives up its redirect URI is sent nothing there (%s)', async (button) => {
    const client = await latchkey.client();
    const [visitor, page] = await atConsent(client);
    await change(client, { redirect_uris: ['http://127.0.0.1:9/other'] });
    expectClear(await visitor.submit(page, {}, button));
  });

  test.each([
    ['goes back to an address that is registered still', [`${bye}?a=b`, bye], `${bye}?state=st`],
    ['stays with us where the address was given up', ['http://127.0.0.1:9/other'], null],
  ])('during a sign-out by its user: %s', async (_what, addresses, location) => {
    const client = await latchkey.client({ post_logout_redirect_uris: [bye] });
    const visitor = await signedIn();
    const { id_token: hint } = await tokensFor(latchkey.base, client, user, {}, visitor);
    const asked = { id_token_hint: hint, post_logout_redirect_uri: bye, state: 'st' };
    const page = await visitor.open(`${latchkey.base}/oidc/logout?${new URLSearchParams(asked).toString()}`);
    await change(client, { post_logout_redirect_uris: addresses });
    expect((await visitor.submit(page, {}, 'logout')).location).toBe(location);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['the scope', { scope: 'openid' }, 'invalid_scope'],
    ['the grant', { grant_types: ['refresh_token'] }, 'invalid_request'],
  ])('its device and the user are told that %s is gone', async (_what, values, error) => {
    const client = await latchkey.client({ type: 'native', redirect_uris: [], grant_types: [DEVICE, 'refresh_token'] });
    const { body } = await post(`${latchkey.base}/oidc/device/auth`, client, { scope: 'openid email' });
    const visitor = await signedIn();
    const form = await visitor.open(`${latchkey.base}/oidc/device`);
    const confirm = await visitor.submit(form, { user_code: String(body['user_code']) });
    await change(client, values);
    expectClear(await visitor.submit(confirm, {}, 'confirm'));
    const answer = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: DEVICE,
      device_code: String(body['device_code']),
    });
    expect([answer.status, answer.body.error]).toEqual([400, error]);
  });
});
