import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { CompactEncrypt, decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

const goodbye = 'https://shop.example/goodbye?from=idp';

let latchkey: TestApp;
let client: TestClient;
let other: TestClient;
let user: TestUser;
let visitor: Visitor;
let idToken: string;
let retired: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ name: 'Tally', post_logout_redirect_uris: [goodbye] });
  other = await latchkey.client({ first_party: true, post_logout_redirect_uris: ['https://other.example/bye'] });
  user = await latchkey.user();
  retired = (await tokensFor(latchkey.base, client, user)).id_token;
  await latchkey.run('keys.rotate', { immediately: true });
});
beforeEach(async () => {
  visitor = new Visitor();
  idToken = (await tokensFor(latchkey.base, client, user, {}, visitor)).id_token;
});
afterAll(() => latchkey.close());

const url = (parameters: Record<string, string> = {}) =>
  `${latchkey.base}/oidc/logout?${new URLSearchParams(parameters).toString()}`;
/** Whether this browser gets a code without a page. */
async function isSignedIn(who = visitor): Promise<boolean> {
  const { challenge } = pkce();
  const page = await who.open(authorizeUrl(latchkey.base, client, { code_challenge: challenge, prompt: 'none' }));
  return new URL(page.location ?? '').searchParams.has('code');
}
const asksForLogout = (page: Page): boolean =>
  formsOf(page)[0]?.buttons.some(({ value }) => value === 'logout') ?? false;

describe('RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0)', () => {
  test('signs out after confirmation, and returns the state unchanged (§2, §3)', async () => {
    const state = 'a&=%+ "<>;é'.repeat(20);
    const page = await visitor.open(url({ id_token_hint: idToken, post_logout_redirect_uri: goodbye, state }));
    expect(asksForLogout(page)).toBe(true);
    expect(page.text).toContain('Tally');
    expect(await isSignedIn()).toBe(true);
    const again = await visitor.open(url({ id_token_hint: idToken, post_logout_redirect_uri: goodbye, state }));
    const gone = await visitor.submit(again, {}, 'logout');
    const target = new URL(gone.location ?? '');
    expect(target.origin + target.pathname).toBe('https://shop.example/goodbye');
    expect(target.searchParams.get('from')).toBe('idp');
    expect(target.searchParams.get('state')).toBe(state);
    expect(await isSignedIn()).toBe(false);
  });

  test('works by POST too (§2)', async () => {
    const page = await visitor.open(`${latchkey.base}/oidc/logout`, {
      id_token_hint: idToken,
      post_logout_redirect_uri: goodbye,
    });
    const gone = await visitor.submit(page, {}, 'logout');
    expect(gone.location).toBe(goodbye);
  });

  test('client_id names the app without a hint', async () => {
    const page = await visitor.open(url({ client_id: client.client_id, post_logout_redirect_uri: goodbye }));
    expect((await visitor.submit(page, {}, 'logout')).location).toBe(goodbye);
  });

  test('an expired hint still counts (§4)', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 3_600_000 });
    const page = await visitor.open(url({ id_token_hint: idToken, post_logout_redirect_uri: goodbye }));
    vi.useRealTimers();
    // The session is over by then, so that there is nothing to ask.
    expect([page.status, page.location]).toEqual([303, goodbye]);
  });

  test('without parameters it asks, and ends on a page of ours', async () => {
    const page = await visitor.open(url());
    expect(asksForLogout(page)).toBe(true);
    const done = await visitor.submit(page, {}, 'logout');
    expect([done.status, done.location]).toEqual([200, null]);
    expect(await isSignedIn()).toBe(false);
  });

  test('stay: the user stays signed in', async () => {
    const page = await visitor.open(url({ id_token_hint: idToken }));
    const stayed = await visitor.submit(page, {}, 'stay');
    expect(stayed.status).toBe(200);
    const { challenge } = pkce();
    const back = await visitor.open(authorizeUrl(latchkey.base, other, { code_challenge: challenge, prompt: 'none' }));
    expect(new URL(back.location ?? '').searchParams.has('code')).toBe(true);
  });

  test('the old cookie is invalid, also when it is kept (§2)', async () => {
    const kept = new Visitor();
    for (const [name, cookie] of visitor.jar) kept.jar.set(name, { ...cookie });
    await visitor.submit(await visitor.open(url()), {}, 'logout');
    expect(await isSignedIn(kept)).toBe(false);
  });

  test('tokens of the session without offline_access end with it', async () => {
    const { access_token: token } = await tokensFor(latchkey.base, client, user, {}, visitor);
    await visitor.submit(await visitor.open(url()), {}, 'logout');
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
  });

  test.each([
    { title: 'one after the other', atOnce: false },
    { title: 'at once', atOnce: true },
  ])('the button pressed twice, $title, never shows an error', async ({ atOnce }) => {
    const page = await visitor.open(url({ id_token_hint: idToken, post_logout_redirect_uri: goodbye }));
    const form = { ...formsOf(page)[0]?.fields, action: 'logout' };
    const action = formsOf(page)[0]?.action ?? '';
    const cookie = visitor.cookies(action);
    const press = (headers: Record<string, string> = {}) => visitor.request(action, { form, headers });
    const answers = atOnce
      ? await Promise.all([press({ cookie }), press({ cookie })])
      : [await press(), await press({ cookie }), await press()];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 303));
    const places = answers.map(({ location }) => location);
    expect(places).toContain(goodbye);
    expect(places.filter((place) => place !== goodbye && place !== `${latchkey.base}/oidc/logout/success`)).toEqual([]);
    expect((await visitor.open(`${latchkey.base}/oidc/logout/success`)).text).toContain('You’re signed out');
    expect(await isSignedIn()).toBe(false);
  });

  test('only the form signs out: no GET, no form of another site, no form of another browser', async () => {
    await visitor.open(url({ id_token_hint: idToken, logout: 'yes', confirm: 'yes' }));
    await visitor.request(`${latchkey.base}/oidc/logout/confirm?logout=yes`);
    await visitor.request(`${latchkey.base}/oidc/logout/confirm`, { form: { logout: 'yes', action: 'logout' } });
    const stranger = new Visitor();
    await tokensFor(latchkey.base, client, await latchkey.user(), {}, stranger);
    const form = formsOf(await stranger.open(url()))[0];
    await visitor.open(url());
    await visitor.request(`${latchkey.base}/oidc/logout/confirm`, { form: { ...form?.fields, action: 'logout' } });
    expect(await isSignedIn()).toBe(true);
  });
});

const stays = { status: 200, location: null };
/** The user is asked, signed out, and not redirected (§2, §4). */
async function isAskedAndKept(parameters: Record<string, string>, byPost = false): Promise<void> {
  const page = await (byPost
    ? visitor.open(`${latchkey.base}/oidc/logout`, parameters)
    : visitor.open(url(parameters)));
  expect(page).toMatchObject(stays);
  expect(asksForLogout(page)).toBe(true);
  expect(await isSignedIn()).toBe(true);
  const again = await visitor.open(url(parameters));
  expect(await visitor.submit(again, {}, 'logout')).toMatchObject(stays);
  expect(await isSignedIn()).toBe(false);
}

describe('parameters that cannot be validated are ignored', () => {
  test.each<[string, () => Record<string, string>]>([
    ['an address that is not registered', () => ({ post_logout_redirect_uri: 'https://evil.example/' })],
    ['a registered one with a slash more', () => ({ post_logout_redirect_uri: `${goodbye}/` })],
    [
      'a registered one with another query',
      () => ({ post_logout_redirect_uri: 'https://shop.example/goodbye?from=evil' }),
    ],
    ['a registered one in capitals', () => ({ post_logout_redirect_uri: goodbye.replace('shop', 'SHOP') })],
    ['the address of another client', () => ({ post_logout_redirect_uri: 'https://other.example/bye' })],
    ['a script', () => ({ post_logout_redirect_uri: 'javascript:alert(1)' })],
    ['an address of nobody in particular', () => ({ post_logout_redirect_uri: '//evil.example' })],
    ['another client_id', () => ({ client_id: other.client_id, post_logout_redirect_uri: goodbye })],
    ['a client_id that does not exist', () => ({ client_id: 'nobody', post_logout_redirect_uri: goodbye })],
    [
      'another client_id with its address',
      () => ({ client_id: other.client_id, post_logout_redirect_uri: 'https://other.example/bye' }),
    ],
  ])('%s: the user is asked, signed out, and not redirected (§2, §3)', async (_what, parameters) => {
    await isAskedAndKept({ id_token_hint: idToken, state: 'st', ...parameters() });
  });

  test('a registered address without its client causes no redirect', async () => {
    await isAskedAndKept({ post_logout_redirect_uri: goodbye });
  });

  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  test.each<[string, () => Promise<string> | string]>([
    ['text', () => 'x'],
    ['an unsigned one', () => `${encode({ alg: 'none' })}.${idToken.split('.')[1] ?? ''}.`],
    [
      'one signed by another issuer',
      () =>
        new SignJWT(decodeJwt(idToken))
          .setProtectedHeader({ alg: 'RS256', kid: String(decodeProtectedHeader(idToken).kid) })
          .sign(stranger),
    ],
    [
      'one with the secret of the client',
      () =>
        new SignJWT(decodeJwt(idToken)).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(client.client_secret)),
    ],
    [
      'a changed one',
      () => {
        const [head, , signature] = idToken.split('.');
        return `${head ?? ''}.${encode({ ...decodeJwt(idToken), sub: 'usr_other' })}.${signature ?? ''}`;
      },
    ],
    [
      'one of another issuer',
      () =>
        new SignJWT({ ...decodeJwt(idToken), iss: 'https://evil.example' })
          .setProtectedHeader({ alg: 'RS256' })
          .sign(stranger),
    ],
    [
      'one for a client that does not exist',
      () => new SignJWT({ ...decodeJwt(idToken), aud: 'nobody' }).setProtectedHeader({ alg: 'RS256' }).sign(stranger),
    ],
    ['one of a key that was replaced', () => retired],
    [
      'an encrypted one',
      async () =>
        new CompactEncrypt(Buffer.from(idToken))
          .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
          .encrypt(createPublicKey(stranger)),
    ],
    ['a logout token', () => `${encode({ alg: 'RS256', typ: 'logout+jwt' })}.${idToken.split('.').slice(1).join('.')}`],
    ['an access token', async () => (await tokensFor(latchkey.base, client, user, {}, visitor)).access_token],
  ])('a hint that is %s, by GET and by POST (§2, §4)', async (_what, make) => {
    const hint = await make();
    for (const more of [{}, { client_id: client.client_id }]) {
      for (const byPost of [false, true]) {
        await tokensFor(latchkey.base, client, user, {}, visitor);
        await isAskedAndKept({ id_token_hint: hint, post_logout_redirect_uri: goodbye, state: 'st', ...more }, byPost);
      }
    }
  });

  test('without a session nothing is asked, and nothing redirects', async () => {
    const nobody = new Visitor();
    const page = await nobody.open(url({ id_token_hint: 'x', post_logout_redirect_uri: goodbye }));
    expect(page).toMatchObject(stays);
    expect(asksForLogout(page)).toBe(false);
    expect(page.text).toContain('You’re signed out');
  });

  test.each(['id_token_hint', 'client_id', 'state', 'post_logout_redirect_uri'])('%s twice', async (name) => {
    const given = {
      id_token_hint: idToken,
      client_id: client.client_id,
      post_logout_redirect_uri: goodbye,
      state: 'a',
    };
    const page = await visitor.open(`${url(given)}&${name}=${encodeURIComponent(given[name as 'state'])}`);
    expect(asksForLogout(page)).toBe(true);
    expect(await visitor.submit(page, {}, 'logout')).toMatchObject(stays);
  });
});

describe('a sign-out without a question', () => {
  let house: TestClient;
  beforeAll(async () => {
    house = await latchkey.client({ name: 'House', first_party: true, post_logout_redirect_uris: [goodbye] });
  });
  const own = (more: Record<string, string | undefined> = {}, who = visitor) =>
    tokensFor(latchkey.base, house, user, more, who);

  test.each([
    ['first-party', () => latchkey.client({ first_party: true, post_logout_redirect_uris: [goodbye] })],
    [
      'pairwise',
      () => latchkey.client({ first_party: true, subject_type: 'pairwise', post_logout_redirect_uris: [goodbye] }),
    ],
    [
      'third-party and may do so',
      () => latchkey.client({ sign_out_unasked: true, post_logout_redirect_uris: [goodbye] }),
    ],
  ])('of a client that is %s, by GET and by POST', async (_what, make) => {
    const app = await make();
    for (const byPost of [false, true]) {
      const { id_token: hint } = await tokensFor(latchkey.base, app, user, {}, visitor);
      const asked = { id_token_hint: hint, post_logout_redirect_uri: goodbye, state: 's t' };
      const left = await (byPost ? visitor.open(`${latchkey.base}/oidc/logout`, asked) : visitor.open(url(asked)));
      expect([left.status, left.location]).toEqual([303, `${goodbye}&state=s+t`]);
      expect(await isSignedIn()).toBe(false);
    }
  });

  test('ends what the answer to the question ends: session, cookie, tokens; and leaves its event', async () => {
    const { id_token: hint, access_token: token } = await own();
    const kept = new Visitor();
    for (const [name, cookie] of visitor.jar) kept.jar.set(name, { ...cookie });
    const done = await visitor.open(url({ id_token_hint: hint }));
    expect(done.text).toContain('You’re signed out');
    expect([await isSignedIn(), await isSignedIn(kept)]).toEqual([false, false]);
    const userinfo = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    expect(userinfo.status).toBe(401);
    const events = await latchkey.app.database.sql<{ type: string }>(
      'select type from audit_record where subject_id = $1 order by at desc, id desc limit 1',
      [user.id],
    );
    expect(events).toEqual([{ type: 'session.ended' }]);
  });

  test('an expired hint of this session counts (§2)', async () => {
    const { id_token: hint } = await own();
    await latchkey.run('settings.update', { name: 'session.idleSeconds', value: '86400' });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 3_600_000 });
    const left = await visitor.open(url({ id_token_hint: hint, post_logout_redirect_uri: goodbye }));
    vi.useRealTimers();
    expect(left.location).toBe(goodbye);
  });

  test.each<[string, () => Promise<Record<string, string>>]>([
    ['without a hint', async () => ({ client_id: house.client_id, post_logout_redirect_uri: goodbye })],
    ['a hint of another user', async () => ({ id_token_hint: await hintOf(await latchkey.user()) })],
    ['a hint of the same user in another browser', async () => ({ id_token_hint: await hintOf(user) })],
    ['a hint of the session before', async () => ({ id_token_hint: await hintBefore() })],
    ['a hint of a third-party client', async () => ({ id_token_hint: idToken, post_logout_redirect_uri: goodbye })],
    [
      'an address that is not registered',
      async () => ({ id_token_hint: (await own()).id_token, post_logout_redirect_uri: 'https://evil.example/' }),
    ],
    ['another client_id', async () => ({ id_token_hint: (await own()).id_token, client_id: other.client_id })],
  ])('is not had by a forged request: %s', async (_what, make) => {
    await own();
    const page = await visitor.open(url(await make()));
    expect(page).toMatchObject(stays);
    expect(asksForLogout(page)).toBe(true);
    expect(await isSignedIn()).toBe(true);
  });

  const hintOf = async (whose: TestUser) => (await tokensFor(latchkey.base, house, whose, {}, new Visitor())).id_token;
  async function hintBefore(): Promise<string> {
    const { id_token: hint } = await own();
    await visitor.open(url({ id_token_hint: hint }));
    await own();
    return hint;
  }
});

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
