/** Attacks on our forms from another site, another browser or an old page, and redirects of our pages. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp({
    settings: { 'limits.passwordFailuresPerAddress': 10_000, 'limits.userCodeFailures': 10_000 },
  });
  client = await latchkey.client({ post_logout_redirect_uris: ['https://rp.test/bye'] });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const authorize = (extra: Record<string, string | undefined> = {}) =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });

/** How to come to each form that changes something, and what an honest person sends with it. */
const forms: Record<
  string,
  { reach(visitor: Visitor): Promise<Page>; values(): Record<string, string>; token: 'csrf' | 'xsrf' }
> = {
  'the e-mail address': {
    reach: (visitor) => visitor.open(authorize()),
    values: () => ({ email: user.email }),
    token: 'csrf',
  },
  'the password': {
    reach: async (visitor) => visitor.submit(await visitor.open(authorize()), { email: user.email }),
    values: () => ({ password: user.password }),
    token: 'csrf',
  },
  'the consent': {
    reach: async (visitor) => {
      const password = await visitor.submit(await visitor.open(authorize({ prompt: 'login consent' })), {
        email: user.email,
      });
      return visitor.submit(password, { password: user.password });
    },
    values: () => ({ action: 'allow' }),
    token: 'csrf',
  },
  'the sign-out': {
    reach: async (visitor) => {
      await visitor.signIn(authorize(), user);
      return visitor.open(`${latchkey.base}/oidc/logout`);
    },
    values: () => ({ action: 'logout' }),
    token: 'xsrf',
  },
  'the code of a device': {
    reach: (visitor) => visitor.open(`${latchkey.base}/oidc/device`),
    values: () => ({ user_code: 'BCDF-GHJK' }),
    token: 'xsrf',
  },
};

/** The form on the page with its hidden fields, as it would be sent. */
function filled(page: Page, values: Record<string, string>): { action: string; fields: Record<string, string> } {
  const [form] = formsOf(page);
  if (!form) throw new Error(`no form at ${page.url}`);
  return { action: form.action, fields: { ...form.fields, ...values } };
}

const isRefused = ({ status }: Page) => status === 400 || status === 403;

describe.each(Object.entries(forms))('%s', (_title, { reach, values, token }) => {
  test('is accepted with its token', async () => {
    const visitor = new Visitor();
    const { action, fields } = filled(await reach(visitor), values());
    const answer = await visitor.request(action, { form: fields });
    expect([200, 303]).toContain(answer.status);
  });

  test.each([
    [
      'without a token',
      (fields: Record<string, string>) =>
        Object.fromEntries(Object.entries(fields).filter(([name]) => name !== 'csrf' && name !== 'xsrf')),
    ],
    ['with an empty token', (fields: Record<string, string>) => ({ ...fields, [token]: '' })],
    ['with a made-up token', (fields: Record<string, string>) => ({ ...fields, [token]: 'x'.repeat(56) })],
  ])('%s is refused', async (_how, change) => {
    const visitor = new Visitor();
    const { action, fields } = filled(await reach(visitor), values());
    expect(isRefused(await visitor.request(action, { form: change(fields) }))).toBe(true);
  });

  test('with the valid token of another browser is refused', async () => {
    const [alice, mallory] = [new Visitor(), new Visitor()];
    const { action, fields } = filled(await reach(alice), values());
    const other = filled(await reach(mallory), values()).fields[token]!;
    expect(isRefused(await alice.request(action, { form: { ...fields, [token]: other } }))).toBe(true);
  });
});

describe('signing in another user’s browser', () => {
  test.each([{ origin: 'https://evil.test' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])(
    'by a form of another site, although its token is right, is refused with 403: %j',
    async (headers) => {
      const victim = new Visitor();
      const { action, fields } = filled(await forms['the password']!.reach(victim), { password: user.password });
      const answer = await victim.request(action, { form: fields, headers });
      expect(answer.status).toBe(403);
      expect([...victim.jar.values()].map(({ name }) => name).join(' ')).not.toMatch(/session/);
    },
  );

  test('by a text body that a page may send without a preflight is refused', async () => {
    const victim = new Visitor();
    const { url } = await forms['the password']!.reach(victim);
    const answer = await fetch(url, {
      method: 'POST',
      headers: { cookie: victim.cookies(url), 'content-type': 'text/plain' },
      body: `password=${user.password}`,
    });
    expect([403, 415]).toContain(answer.status);
  });

  test('in another browser than the one that began is refused: the address of a sign-in is useless without its cookie', async () => {
    const [began, other] = [new Visitor(), new Visitor()];
    const page = await forms['the password']!.reach(began);
    await other.open(authorize());
    const { action, fields } = filled(page, { password: user.password });
    const csrf = formsOf(await other.open(authorize()))[0]!.fields['csrf']!;
    const answer = await other.request(action, { form: { ...fields, csrf } });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.location).toBeNull();
  });
});

describe('signing a user out', () => {
  const isSignedIn = async (visitor: Visitor) =>
    new URL((await visitor.open(authorize({ prompt: 'none' }))).location ?? '').searchParams.has('code');

  test.each([
    '/oidc/logout',
    '/oidc/logout?client_id=CLIENT',
    '/oidc/logout?client_id=CLIENT&post_logout_redirect_uri=https%3A%2F%2Frp.test%2Fbye',
    '/logout',
    '/oidc/logout/confirm',
    '/oidc/logout/success',
  ])('by an image with the address %s shows a question at most', async (path) => {
    const visitor = new Visitor();
    await visitor.signIn(authorize(), user);
    const answer = await visitor.request(latchkey.base + path.replace('CLIENT', client.client_id), {
      headers: { 'sec-fetch-dest': 'image', 'sec-fetch-site': 'cross-site' },
    });
    expect(answer.location).toBeNull();
    expect(await isSignedIn(visitor)).toBe(true);
  });

  test('ends the session: the old cookie is invalid, and no page of it may be cached', async () => {
    const visitor = new Visitor();
    await visitor.signIn(authorize(), user);
    const before = new Map(visitor.jar);
    const page = await visitor.open(`${latchkey.base}/oidc/logout`);
    expect(page.headers.get('cache-control')).toContain('no-store');
    await visitor.submit(page, {}, 'logout');
    expect(await isSignedIn(visitor)).toBe(false);
    for (const [key, cookie] of before) visitor.jar.set(key, cookie);
    expect(await isSignedIn(visitor)).toBe(false);
  });
});

describe('redirects of a browser', () => {
  const payloads = [
    'https://evil.test',
    '//evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    '/\tevil.test',
    '/\r/evil.test',
    'https:evil.test',
    'https:/evil.test',
    'http://localhost@evil.test',
    'https://localhost.evil.test',
    'javascript:alert(1)',
    'data:text/html,x',
    '/..//evil.test',
    '///evil.test',
    'https://localhost\0.evil.test',
    'https://evil.test#localhost',
    ' https://evil.test',
    'https://rp.test/bye@evil.test',
    'https://rp.test/bye/../x',
    'https://rp.test/bye?x',
    'https://RP.test/bye',
    'https://rp.test:443/bye',
  ];

  function expectAtHome(page: Page): void {
    if (page.location) expect(new URL(page.location).origin, page.location).toBe(latchkey.base);
    expect(page.text).not.toMatch(/http-equiv="?refresh/i);
    for (const [, href = ''] of page.text.matchAll(/\s(?:href|src|action|formaction)="([^"]*)"/g))
      expect(new URL(href.replaceAll('&amp;', '&'), page.url).origin, href).toBe(latchkey.base);
  }

  test.each(payloads)('after a sign-out never lead to %j', async (payload) => {
    const visitor = new Visitor();
    await visitor.signIn(authorize(), user);
    const url = `${latchkey.base}/oidc/logout?${new URLSearchParams({ client_id: client.client_id, post_logout_redirect_uri: payload }).toString()}`;
    const page = await visitor.request(url);
    expectAtHome(page);
    if (page.status === 200) expectAtHome(await visitor.submit(page, {}, 'logout'));
  });

  test.each(payloads)('after a sign-in never lead to %j', async (payload) => {
    expectAtHome(await new Visitor().open(authorize({ redirect_uri: payload })));
  });

  test.each([
    'return_to',
    'redirect',
    'next',
    'continue',
    'url',
    'RelayState',
    'ui_locales',
    'target_link_uri',
    'redirect_url',
    'back',
  ])('never follow the parameter %s of a page', async (name) => {
    const visitor = new Visitor();
    const { url } = await visitor.open(authorize());
    for (const payload of payloads) {
      const page = await visitor.request(`${url}?${new URLSearchParams({ [name]: payload }).toString()}`);
      if (page.status === 200 || page.location) expectAtHome(page);
      else expect(page.status).toBe(400);
    }
  });

  test('never follow the Referer', async () => {
    const visitor = new Visitor({ referer: 'https://evil.test/x' });
    const page = await visitor.open(authorize());
    expectAtHome(page);
    const back = await visitor.submit(page, { email: user.email });
    expectAtHome(back);
    expectAtHome(await visitor.request(`${latchkey.base}/nothing`));
  });
});

describe('untrusted text is escaped', () => {
  const payloads = [
    '"><svg onload=alert(1)>',
    '</script><script>alert(1)</script>',
    '{{31337*31337}}',
    "';alert(1)//",
    '<img src=x onerror=alert(1)>',
    '${31337*31337}',
    '{% include "x" %}',
  ];
  const places = [
    'login_hint',
    'ui_locales',
    'state',
    'claims',
    'client_id',
    'prompt',
    'acr_values',
    'redirect_uri',
    'scope',
    'response_type',
    'response_mode',
    'nonce',
    'display',
    'max_age',
    'id_token_hint',
    'code_challenge_method',
  ];

  function expectInert(page: Page, payload: string): void {
    expect(page.text, payload).not.toContain('982007569');
    expect(page.text).not.toMatch(/<svg onload|<script>alert|<img src=x/);
    const scripts = [...page.text.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)].map(([, text]) => text).join('');
    expect(scripts).not.toContain('alert(1)');
  }

  test.each(places)('in the parameter %s of an authorization request', async (name) => {
    for (const payload of payloads) expectInert(await new Visitor().open(authorize({ [name]: payload })), payload);
  });

  test.each([
    ['/oidc/logout', 'post_logout_redirect_uri'],
    ['/oidc/logout', 'id_token_hint'],
    ['/oidc/logout', 'client_id'],
    ['/oidc/logout', 'state'],
    ['/oidc/device', 'user_code'],
    ['/', 'ui_locales'],
    ['/nothing', 'x'],
  ])('at %s in the parameter %s', async (path, name) => {
    for (const payload of payloads)
      expectInert(
        await new Visitor().open(`${latchkey.base}${path}?${new URLSearchParams({ [name]: payload }).toString()}`),
        payload,
      );
  });

  test('in text that a user types', async () => {
    for (const payload of payloads) {
      const visitor = new Visitor();
      expectInert(await visitor.submit(await visitor.open(authorize()), { email: payload }), payload);
      const device = await visitor.open(`${latchkey.base}/oidc/device`);
      expectInert(await visitor.submit(device, { user_code: payload }), payload);
    }
  });

  test('in the name of an app and of a user, and in the name of their browser', async () => {
    for (const payload of payloads) {
      const hostile = await latchkey.client({ name: payload });
      const person = await latchkey.user({ name: payload });
      const visitor = new Visitor({ 'user-agent': payload });
      const url = authorizeUrl(latchkey.base, hostile, {
        code_challenge: pkce().challenge,
        scope: 'openid profile',
        prompt: 'login consent',
      });
      const password = await visitor.submit(await visitor.open(url), { email: person.email });
      expectInert(password, payload);
      const consent = await visitor.submit(password, { password: person.password });
      expect(formsOf(consent)[0]?.buttons.map(({ value }) => value)).toContain('allow');
      expectInert(consent, payload);
      await visitor.submit(consent, {}, 'allow');
      expectInert(await visitor.open(`${latchkey.base}/oidc/logout`), payload);
      expectInert(
        await visitor.open(
          authorizeUrl(latchkey.base, hostile, { code_challenge: pkce().challenge, prompt: 'select_account' }),
        ),
        payload,
      );
    }
  });

  test('in the description of a device', async () => {
    const tv = await latchkey.client({
      name: 'TV',
      type: 'native',
      redirect_uris: [],
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    });
    for (const payload of payloads) {
      const { body } = await post(
        `${latchkey.base}/oidc/device/auth`,
        tv,
        { client_id: tv.client_id, scope: 'openid' },
        { 'user-agent': payload },
      );
      const visitor = new Visitor();
      await visitor.signIn(authorize(), user);
      const page = await visitor.submit(await visitor.open(`${latchkey.base}/oidc/device`), {
        user_code: String(body['user_code']),
      });
      expect(page.status).toBe(200);
      expectInert(page, payload);
    }
  });
});
