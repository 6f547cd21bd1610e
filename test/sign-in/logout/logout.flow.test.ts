import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
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
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ name: 'Tally', first_party: true, post_logout_redirect_uris: [goodbye] });
  other = await latchkey.client({ first_party: true, post_logout_redirect_uris: ['https://other.example/bye'] });
  user = await latchkey.user();
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
    expect((await visitor.open(`${latchkey.base}/oidc/logout/success`)).text).toContain('You are signed out');
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

describe('requests that must not redirect', () => {
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
  ])('%s: a page with the reason, no redirect (§3)', async (_what, parameters) => {
    const page = await visitor.open(url({ id_token_hint: idToken, ...parameters() }));
    expect([page.status, page.location]).toEqual([400, null]);
    expect(formsOf(page)).toHaveLength(0);
    expect(page.text).toContain('post_logout_redirect_uri');
    expect(await isSignedIn()).toBe(true);
  });

  test('a registered address without its client causes no redirect', async () => {
    const page = await visitor.open(url({ post_logout_redirect_uri: goodbye }));
    const done = await visitor.submit(page, {}, 'logout');
    expect(done.location).toBeNull();
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
  ])('a hint that is %s: a page with the reason, no redirect (§4)', async (_what, make) => {
    const page = await visitor.open(url({ id_token_hint: await make(), post_logout_redirect_uri: goodbye }));
    expect([page.status, page.location]).toEqual([400, null]);
    expect(page.text).toContain('id_token_hint');
    expect(await isSignedIn()).toBe(true);
  });

  test('a hint of one client does not allow the address of another (§2)', async () => {
    const page = await visitor.open(
      url({
        id_token_hint: idToken,
        client_id: other.client_id,
        post_logout_redirect_uri: 'https://other.example/bye',
      }),
    );
    expect([page.status, page.location]).toEqual([400, null]);
  });

  test.each(['id_token_hint', 'client_id', 'state', 'post_logout_redirect_uri'])(
    '%s twice is refused',
    async (name) => {
      const page = await visitor.open(`${url()}&${name}=a&${name}=b`);
      expect([page.status, page.location]).toEqual([400, null]);
    },
  );
});

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
