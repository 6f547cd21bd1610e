/** Every page that a person can meet is one of ours: in the brand, in their language, never a template of the engine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

const goodbye = 'https://shop.example/goodbye?from=idp';
let latchkey: TestApp;
let client: TestClient;
let tv: TestClient;
let user: TestUser;
let other: TestUser;
let idToken: string;
const signedIn = new Visitor();
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true, post_logout_redirect_uris: [goodbye] });
  tv = await latchkey.client({
    type: 'native',
    redirect_uris: ['com.example.app:/cb'],
    grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
  });
  [user, other] = [await latchkey.user(), await latchkey.user()];
  idToken = (await tokensFor(latchkey.base, client, user, {}, signedIn)).id_token;
});
afterAll(() => latchkey.close());

const url = (extra: Record<string, string | undefined> = {}) =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const logoutUrl = (parameters: Record<string, string> = {}) =>
  `${latchkey.base}/oidc/logout?${new URLSearchParams(parameters).toString()}`;
const deviceCode = async () =>
  String(
    (await post(`${latchkey.base}/oidc/device/auth`, { ...tv, client_secret: '' }, { scope: 'openid' })).body[
      'user_code'
    ],
  );

function expectOurs(page: Page): void {
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.text).toMatch(/^<!doctype html>\n<html lang="de" dir="ltr"/);
  expect(page.text).toContain('class="logo"');
  expect(page.text).not.toMatch(
    /Submitting Callback|op\.logoutForm|op\.deviceInputForm|X-UA-Compatible|oops! something/,
  );
  expect(page.headers.get('content-security-policy')).not.toContain('sha256-');
}

const stranger = () => new Visitor();
const wrongHint = `${'e'.repeat(20)}.e30.x`;

describe.each<[string, () => Visitor]>([
  ['without a session', stranger],
  ['with a session', () => signedIn],
])('%s', (_session, who) => {
  test.each<[string, () => string]>([
    ['a sign-out', () => logoutUrl()],
    ['a sign-out that names the client', () => logoutUrl({ client_id: client.client_id })],
    ['a sign-out with a hint', () => logoutUrl({ id_token_hint: idToken })],
    ['a sign-out with a bad hint', () => logoutUrl({ id_token_hint: wrongHint })],
    ['a sign-out of an unknown client', () => logoutUrl({ client_id: 'nobody' })],
    [
      'a sign-out to an address that is not registered',
      () => logoutUrl({ client_id: client.client_id, post_logout_redirect_uri: 'https://evil.example/' }),
    ],
    ['a sign-out with a parameter twice', () => `${logoutUrl()}state=a&state=b`],
    ['the end of a sign-out', () => `${latchkey.base}/oidc/logout/success`],
    ['the end of a sign-out of one client', () => `${latchkey.base}/oidc/logout/success?client_id=${client.client_id}`],
    ['the end of a sign-out of no client', () => `${latchkey.base}/oidc/logout/success?client_id=nobody`],
    ['the code of a device', () => `${latchkey.base}/oidc/device`],
    ['the code of a device in the address', () => `${latchkey.base}/oidc/device?user_code=BBBB-BBBB`],
    ['the code of a device twice in the address', () => `${latchkey.base}/oidc/device?user_code=B&user_code=C`],
    ['a device that is not being connected', () => `${latchkey.base}/oidc/device/${'x'.repeat(43)}`],
    ['a sign-in that is over', () => `${latchkey.base}/oidc/auth/${'x'.repeat(43)}`],
    ['an address that is not registered', () => url({ redirect_uri: 'https://evil.example/' })],
    ['an unknown client', () => url({ client_id: 'nobody' })],
    ['an answer by form', () => url({ response_mode: 'form_post', prompt: 'none' })],
    ['a signed answer by form', () => url({ response_mode: 'form_post.jwt', prompt: 'none' })],
  ])('%s', async (_title, address) => {
    const target = new URL(address());
    if (!target.searchParams.getAll('user_code')[1]) target.searchParams.set('ui_locales', 'de');
    const page = await who().request(target.href, { headers: { 'accept-language': 'de' } });
    // Nothing to ask: on to a page of ours.
    expectOurs(page.location ? await new Visitor({ 'accept-language': 'de' }).open(page.location) : page);
  });

  test.each<[string, string, Record<string, string>]>([
    ['the form of a sign-out from nowhere', '/oidc/logout/confirm', { logout: 'yes', xsrf: 'x' }],
    ['the form of a device from nowhere', '/oidc/device', { user_code: 'BBBB-BBBB', xsrf: 'x' }],
  ])('%s', async (_title, path, form) => {
    const visitor = who();
    const page = await visitor.request(latchkey.base + path, { form, headers: { 'accept-language': 'de' } });
    expectOurs(page.location ? await visitor.request(page.location, { headers: { 'accept-language': 'de' } }) : page);
  });
});

describe('a sign-out without a session', () => {
  test.each<[string, () => Record<string, string>, () => string]>([
    ['ends on our page', () => ({}), () => `${latchkey.base}/oidc/logout/success`],
    [
      'goes on to the registered address, with the state to the letter',
      () => ({ client_id: client.client_id, post_logout_redirect_uri: goodbye, state: 'a&=%+ "é' }),
      () => `${goodbye}&${new URLSearchParams({ state: 'a&=%+ "é' }).toString()}`,
    ],
    [
      'leads nowhere else, whatever it names',
      () => ({ post_logout_redirect_uri: goodbye }),
      () => `${latchkey.base}/oidc/logout/success`,
    ],
  ])('%s', async (_title, parameters, target) => {
    const visitor = new Visitor();
    const page = await visitor.request(logoutUrl(parameters()));
    expect([page.status, page.location]).toEqual([303, target()]);
    expect([...visitor.jar.keys()].filter((key) => key.includes('session'))).toEqual([]);
  });
});

test('a code in the address is filled in, and is sent only after the user confirms', async () => {
  const code = await deviceCode();
  const visitor = new Visitor({ 'accept-language': 'de' });
  const page = await visitor.open(`${latchkey.base}/oidc/device?user_code=${code}`);
  expectOurs(page);
  const [form] = formsOf(page);
  expect(form?.fields['user_code']).toBe(code.replace('-', ''));
  expect(form?.buttons.map(({ value }) => value)).toEqual(['continue']);
  const confirm = await visitor.submit(page);
  expect(formsOf(confirm)[0]?.buttons.map(({ value }) => value)).toEqual(['confirm', 'abort']);
});

test('when another user signs in over a session, a page of ours follows and the old session ends', async () => {
  const visitor = new Visitor({ 'accept-language': 'de' });
  await visitor.signIn(url(), user);
  const again = await visitor.open(url({ prompt: 'login' }));
  const login = await visitor.open(again.url.replace(/\/password$/, '/login'));
  const page = await visitor.submit(await visitor.submit(login, { email: other.email }), { password: other.password });
  expectOurs(page);
  expect(formsOf(page).map(({ action }) => action)).toEqual([`${latchkey.base}/oidc/logout/confirm`]);
  const back = await visitor.submit(page);
  expect(back.location).toContain('code=');
});
