import { decodeJwt, type JWTPayload } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let native: TestClient;
let user: TestUser;
let other: TestUser;

type Asked = Record<string, string | undefined>;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  native = await latchkey.client({
    first_party: true,
    type: 'native',
    redirect_uris: ['http://127.0.0.1/cb', 'https://app.example/cb'],
  });
  user = await latchkey.user({ name: 'Noor' });
  other = await latchkey.user();
});
afterAll(() => latchkey.close());
afterEach(() => vi.useRealTimers());

const url = (asked: Asked = {}, of = client): string =>
  authorizeUrl(latchkey.base, of, { code_challenge: pkce().challenge, ...asked });
const answer = (page: Page): Record<string, string> => Object.fromEntries(new URL(page.location ?? 'x:').searchParams);
const form = (page: Page): string =>
  Object.keys(formsOf(page)[0]?.fields ?? {}).find((name) => name === 'email' || name === 'password') ??
  formsOf(page)[0]
    ?.buttons.map(({ value }) => value)
    .join(' ') ??
  '';

async function signedIn(as = user): Promise<Visitor> {
  const visitor = new Visitor();
  await visitor.signIn(url(), as);
  return visitor;
}

/** The ID token of a sign-in that may need the password again. */
async function idToken(visitor: Visitor, asked: Asked = {}, as = user): Promise<JWTPayload> {
  const { verifier, challenge } = pkce();
  const back = await visitor.signIn(url({ ...asked, code_challenge: challenge }), as);
  const tokens = await post(`${latchkey.base}/oidc/token`, client, {
    grant_type: 'authorization_code',
    code: back.get('code') ?? '',
    redirect_uri: client.redirect_uris[0] ?? '',
    code_verifier: verifier,
  });
  if (!tokens.body.id_token) throw new Error(`${back.toString()} ${JSON.stringify(tokens.body)}`);
  return decodeJwt(tokens.body.id_token);
}

const at = (seconds: number): void =>
  void vi.useFakeTimers({
    toFake: ['Date'],
    now: new Date(performance.timeOrigin + performance.now() + seconds * 1000),
  });

describe('prompt=none (OpenID Connect Core §3.1.2.1, §3.1.2.6)', () => {
  test('responds at once for a signed-in user', async () => {
    const page = await (await signedIn()).request(url({ prompt: 'none' }));
    expect(answer(page)['code']).toMatch(/^lk_ac_/);
  });

  test('shows no page: login_required without a session', async () => {
    const page = await new Visitor().request(url({ prompt: 'none' }));
    expect(answer(page)).toMatchObject({ error: 'login_required', state: 'st' });
  });

  test('never skips consent', async () => {
    const third = await latchkey.client();
    const page = await (await signedIn()).request(url({ prompt: 'none' }, third));
    expect(answer(page)).toMatchObject({ error: 'consent_required' });
  });

  test('never responds to a native app, unless it has an https address (RFC 8252 §8.6)', async () => {
    const visitor = await signedIn();
    expect(answer(await visitor.request(url({ prompt: 'none' }, native)))['error']).toBe('interaction_required');
    expect(
      answer(await visitor.request(url({ prompt: 'none', redirect_uri: 'https://app.example/cb' }, native)))['code'],
    ).toMatch(/^lk_ac_/);
  });

  test.each(['login', 'consent', 'select_account', 'create'])('cannot be combined with %s', async (word) => {
    const page = await (await signedIn()).request(url({ prompt: `none ${word}` }));
    expect(answer(page)['error']).toBe('invalid_request');
  });

  test('is login_required when the session is older than max_age', async () => {
    const visitor = await signedIn();
    at(120);
    expect(answer(await visitor.request(url({ prompt: 'none', max_age: '60' })))['error']).toBe('login_required');
    expect(answer(await visitor.request(url({ prompt: 'none', max_age: '600' })))['code']).toMatch(/^lk_ac_/);
  });

  test('is login_required for max_age=0', async () => {
    expect(answer(await (await signedIn()).request(url({ prompt: 'none', max_age: '0' })))['error']).toMatch(
      /login_required|invalid_request/,
    );
  });

  test('is login_required for a disabled user', async () => {
    const gone = await latchkey.user();
    const visitor = await signedIn(gone);
    await latchkey.run('users.disable', { user_id: gone.id });
    expect(answer(await visitor.request(url({ prompt: 'none' })))['error']).toBe('login_required');
    expect(form(await visitor.open(url()))).toBe('email');
  });
});

describe('prompt=login', () => {
  test('asks for the password again, and auth_time is new', async () => {
    const visitor = await signedIn();
    const before = await idToken(visitor, { max_age: '3600' });
    at(90);
    expect(form(await visitor.open(url({ prompt: 'login' })))).toBe('email');
    const after = await idToken(visitor, { prompt: 'login' });
    expect(after.sub).toBe(before.sub);
    expect(Number(after['auth_time']) - Number(before['auth_time'])).toBeGreaterThanOrEqual(88);
  });

  test('is not satisfied by a wrong password', async () => {
    const visitor = await signedIn();
    await expect(visitor.signIn(url({ prompt: 'login' }), { ...user, password: 'wrong wrong wrong' })).rejects.toThrow(
      'refused',
    );
  });

  test('another user may sign in: the previous one is signed out', async () => {
    const visitor = await signedIn();
    expect((await idToken(visitor, { prompt: 'login' }, other)).sub).toBe(other.id);
    expect((await idToken(visitor)).sub).toBe(other.id);
  });
});

describe('prompt=select_account', () => {
  test('offers the account of this browser, selected by one button', async () => {
    const visitor = await signedIn();
    const page = await visitor.open(url({ prompt: 'select_account' }));
    expect(page.text).toContain('Noor');
    const back = await visitor.submit(page, { account: user.id });
    expect(answer(back)['code']).toMatch(/^lk_ac_/);
  });

  test('another account begins with its email address', async () => {
    const visitor = await signedIn();
    const page = await visitor.submit(await visitor.open(url({ prompt: 'select_account' })), {}, 'another');
    expect(form(page)).toBe('email');
  });

  test('an account that is not of this browser is refused', async () => {
    const visitor = await signedIn();
    const [chooser] = formsOf(await visitor.open(url({ prompt: 'select_account' })));
    const page = await visitor.open(chooser?.action ?? '', { ...chooser?.fields, account: other.id });
    expect(page.location).toBeNull();
  });

  test('without a session the user signs in', async () => {
    expect(form(await new Visitor().open(url({ prompt: 'select_account' })))).toBe('email');
    expect((await idToken(new Visitor(), { prompt: 'select_account' })).sub).toBe(user.id);
  });

  test('with login, both are shown', async () => {
    const visitor = await signedIn();
    const page = await visitor.submit(await visitor.open(url({ prompt: 'select_account login' })), {
      account: user.id,
    });
    expect(form(page)).toBe('email');
  });
});

describe('prompt=create (Initiating User Registration 1.0 §4)', () => {
  test('leads to registration, and a sign-in to an existing account satisfies it too', async () => {
    const visitor = new Visitor();
    const create = await visitor.open(url({ prompt: 'create' }));
    expect(new URL(create.url).pathname).toMatch(/\/create$/);
    const page = await visitor.submit(await visitor.open(create.url.replace(/create$/, 'login')), {
      email: user.email,
    });
    const done = await visitor.submit(page, { password: user.password });
    const back = done.location ? done : await visitor.submit(done, {}, 'allow');
    expect(answer(back)['code']).toMatch(/^lk_ac_/);
  });

  test('is shown also to a signed-in user', async () => {
    expect(new URL((await (await signedIn()).open(url({ prompt: 'create' }))).url).pathname).toMatch(/\/create$/);
  });
});

describe('unknown prompt values', () => {
  test.each(['dance', 'LOGIN', 'login,consent', 'login  consent', ' login'])(
    '%j is invalid_request',
    async (prompt) => {
      expect(answer(await (await signedIn()).request(url({ prompt })))['error']).toBe('invalid_request');
    },
  );
});

describe('max_age (OpenID Connect Core §3.1.2.1)', () => {
  test('a fresh session is enough, an old one is not', async () => {
    const visitor = await signedIn();
    expect(answer(await visitor.request(url({ max_age: '60' })))['code']).toMatch(/^lk_ac_/);
    at(62);
    expect(form(await visitor.open(url({ max_age: '60' })))).toBe('email');
    expect(answer(await visitor.request(url({ max_age: '90' })))['code']).toMatch(/^lk_ac_/);
  });

  test('puts auth_time into the ID token, as in the session', async () => {
    const visitor = await signedIn();
    const first = await idToken(visitor, { max_age: '10000' });
    at(100);
    const second = await idToken(visitor, { max_age: '10000' });
    expect(second['auth_time']).toBe(first['auth_time']);
    expect(Number(second.iat) - Number(second['auth_time'])).toBeGreaterThanOrEqual(99);
  });

  test('0 acts like prompt=login', async () => {
    expect(form(await (await signedIn()).open(url({ max_age: '0' })))).toBe('email');
  });

  test('a client may have a default (default_max_age), and the request overrides it', async () => {
    const strict = await latchkey.client({ first_party: true, default_max_age: 60, require_auth_time: true });
    const visitor = await signedIn();
    expect(answer(await visitor.request(url({}, strict)))['code']).toMatch(/^lk_ac_/);
    at(120);
    expect(form(await visitor.open(url({}, strict)))).toBe('email');
    expect(answer(await visitor.request(url({ max_age: '600' }, strict)))['code']).toMatch(/^lk_ac_/);
  });

  test.each(['-1', '1.5', 'soon', '1e400', 'NaN'])('%s is invalid_request', async (max_age) => {
    expect(answer(await (await signedIn()).request(url({ max_age })))['error']).toBe('invalid_request');
  });
});

describe('acr_values and acr (OpenID Connect Core §3.1.2.1, §5.5.1.1)', () => {
  const essential = (request: object): Asked => ({
    claims: JSON.stringify({ id_token: { acr: { essential: true, ...request } } }),
  });
  const level = 'urn:latchkey:acr:1';

  test('a voluntary level is returned, and an unknown one is ignored', async () => {
    const visitor = await signedIn();
    for (const acr_values of [level, `urn:gold ${level}`, 'urn:gold'])
      expect((await idToken(visitor, { acr_values }))['acr']).toBe(level);
  });

  test('an essential level that was reached is accepted', async () => {
    const visitor = await signedIn();
    expect((await idToken(visitor, essential({ value: level })))['acr']).toBe(level);
    expect((await idToken(visitor, essential({ values: ['urn:gold', level] })))['acr']).toBe(level);
  });

  test.each([[{ value: 'urn:gold' }], [{ values: ['urn:gold', 'urn:silver'] }]])(
    'an essential level that cannot be reached fails, signed in or not: %j',
    async (request) => {
      for (const visitor of [await signedIn(), new Visitor()]) {
        const page = await visitor.request(url(essential(request)));
        expect(answer(page)['error']).toBe('unmet_authentication_requirements');
      }
    },
  );

  test('values that are no list are invalid_request', async () => {
    expect(answer(await (await signedIn()).request(url(essential({ values: level }))))['error']).toBe(
      'invalid_request',
    );
  });

  test('the methods of the user are returned on request (amr)', async () => {
    expect((await idToken(await signedIn(), { claims: '{"id_token":{"amr":null}}' }))['amr']).toEqual(['pwd']);
  });
});

describe('the requested user: login_hint, id_token_hint and the claim sub', () => {
  async function hint(of: TestUser): Promise<string> {
    const { verifier, challenge } = pkce();
    const back = await new Visitor().signIn(url({ code_challenge: challenge }), of);
    const tokens = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    });
    return tokens.body.id_token;
  }

  test('login_hint fills in the email address', async () => {
    const page = await new Visitor().open(url({ login_hint: 'noor@example.com' }));
    expect(formsOf(page)[0]?.fields['email']).toBe('noor@example.com');
  });

  test.each<[string, Record<string, string>]>([
    ['prompt=login', { prompt: 'login' }],
    ['max_age=0', { max_age: '0' }],
    ['a stronger proof', { claims: '{"id_token":{"acr":{"essential":true,"value":"urn:latchkey:acr:2"}}}' }],
  ])('login_hint of another user than the session’s: %s asks this other user', async (_what, asked) => {
    const visitor = await signedIn();
    const page = await visitor.open(url({ ...asked, login_hint: other.email }));
    expect(formsOf(page)[0]?.fields).toMatchObject({ email: other.email });
    expect(page.text).not.toContain(user.email);
  });

  test('login_hint of another user: the sign-in is of this other user, or of the one who signs in', async () => {
    const asked = { prompt: 'login', login_hint: other.email };
    expect((await idToken(await signedIn(), asked, other)).sub).toBe(other.id);
    const visitor = await signedIn();
    const page = await visitor.submit(await visitor.open(url(asked)), { email: user.email });
    expect(formsOf(page)[0]?.fields).toMatchObject({ email: user.email, password: '' });
    const done = await visitor.submit(page, { password: user.password });
    expect(answer(done)['code']).toMatch(/^lk_ac_/);
  });

  test('login_hint of the user of the session, in any spelling: this user is asked again', async () => {
    const asked = { prompt: 'login', login_hint: user.email.toUpperCase() };
    const page = await (await signedIn()).open(url(asked));
    expect(formsOf(page)[0]?.fields).toMatchObject({ email: user.email, password: '' });
  });

  test('login_hint signs no user in and is escaped', async () => {
    const page = await new Visitor().open(url({ login_hint: '"><script>alert(1)</script>@x.example' }));
    expect(page.text).not.toContain('<script>alert(1)');
    expect(form(page)).toBe('email');
  });

  test('id_token_hint of the signed-in user: the request continues', async () => {
    const page = await (await signedIn()).request(url({ prompt: 'none', id_token_hint: await hint(user) }));
    expect(answer(page)['code']).toMatch(/^lk_ac_/);
  });

  test('id_token_hint of another user: login_required without a page, a sign-in with one', async () => {
    const visitor = await signedIn();
    const id_token_hint = await hint(other);
    expect(answer(await visitor.request(url({ prompt: 'none', id_token_hint })))['error']).toBe('login_required');
    expect(form(await visitor.open(url({ id_token_hint })))).toBe('email');
    expect((await idToken(visitor, { id_token_hint }, other)).sub).toBe(other.id);
  });

  test('a sign-in by another user than the hint does not satisfy it', async () => {
    const id_token_hint = await hint(other);
    const back = await new Visitor().signIn(url({ id_token_hint }), user);
    expect(back.get('error')).toBe('login_required');
    const bySubject = await new Visitor().signIn(
      url({ claims: JSON.stringify({ id_token: { sub: { value: other.id } } }) }),
      user,
    );
    expect(bySubject.get('error')).toBe('login_required');
  });

  test('a hint may be expired', async () => {
    const visitor = await signedIn();
    const id_token_hint = await hint(user);
    at(3700);
    const page = await visitor.open(url({ id_token_hint }));
    expect(answer(page)['error']).toBeUndefined();
  });

  test.each([
    ['not a token', () => 'x.y.z'],
    [
      'without a signature',
      (token: string) => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`,
    ],
    ['altered', (token: string) => token.replace(/\.(.)/, (_all, letter: string) => `.${letter === 'a' ? 'b' : 'a'}`)],
  ])('a hint that is %s is invalid_request', async (_what, forge) => {
    const page = await (await signedIn()).request(url({ id_token_hint: forge(await hint(user)) }));
    expect(answer(page)['error']).toBe('invalid_request');
  });

  test('the hint of another client is refused', async () => {
    const third = await latchkey.client({ first_party: true });
    expect(answer(await (await signedIn()).request(url({ id_token_hint: await hint(user) }, third)))['error']).toBe(
      'invalid_request',
    );
  });

  test('sub of the signed-in user: the request continues; of an unknown user: login_required', async () => {
    const visitor = await signedIn();
    const asked = (value: string): Asked => ({
      prompt: 'none',
      claims: JSON.stringify({ id_token: { sub: { value } } }),
    });
    expect(answer(await visitor.request(url(asked(user.id))))['code']).toMatch(/^lk_ac_/);
    expect(answer(await visitor.request(url(asked('usr_nobody'))))['error']).toBe('login_required');
  });
});

describe('the look of pages: ui_locales, claims_locales, display (OpenID Connect Core §3.1.2.1)', () => {
  const language = (page: Page): string | undefined => /<html[^>]*lang="([^"]*)"/.exec(page.text)?.[1];

  test.each([
    ['de', 'de'],
    ['de-CH en', 'de'],
    ['sv de en', 'de'],
    ['sv fi', 'en'],
    ['xx-" onload', 'en'],
    ['', 'en'],
  ])('ui_locales=%s: %s, on every page of the sign-in', async (ui_locales, expected) => {
    const visitor = new Visitor();
    const page = await visitor.open(url({ ui_locales }));
    expect(language(page)).toBe(expected);
    expect(language(await visitor.submit(page, { email: user.email }))).toBe(expected);
  });

  test('works for a pushed request too', async () => {
    const pushed = await post(
      `${latchkey.base}/oidc/par`,
      client,
      Object.fromEntries(new URL(url({ ui_locales: 'de' })).searchParams),
    );
    const page = await new Visitor().open(
      `${latchkey.base}/oidc/auth?${new URLSearchParams({ client_id: client.client_id, request_uri: String(pushed.body['request_uri']) }).toString()}`,
    );
    expect(language(page)).toBe('de');
  });

  test('applies to an error page too', async () => {
    expect(language(await new Visitor().open(url({ ui_locales: 'de', redirect_uri: 'https://evil.example' })))).toBe(
      'de',
    );
  });

  test.each([
    { claims_locales: 'de fr' },
    { display: 'page' },
    { display: 'popup' },
    { display: 'touch' },
    { display: 'teapot' },
  ])('%j changes nothing in the response', async (asked) => {
    expect((await idToken(await signedIn(), asked)).sub).toBe(user.id);
  });

  test.each([{ display: 'popup' }, { display: 'page' }, {}])('%j keeps its opener', async (asked) => {
    const page = await new Visitor().open(url(asked));
    expect([page.status, page.headers.get('cross-origin-opener-policy')]).toEqual([200, null]);
  });
});
