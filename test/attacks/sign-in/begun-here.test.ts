/** A sign-in belongs to the browser that began it: cookies that a sibling host can plant are not enough to take part in it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { password, startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let deviceClient: TestClient;
let victim: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  deviceClient = await latchkey.client({
    type: 'native',
    redirect_uris: ['com.example.app:/cb'],
    grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
  });
  victim = await latchkey.user();
});
afterAll(() => latchkey.close());

const url = (extra: Record<string, string | undefined> = {}) =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const uidOf = (page: Page) => new URL(page.url).pathname.split('/')[2] ?? '';
const begunCookies = (visitor: Visitor) => [...visitor.jar.values()].filter(({ name }) => /latchkey-begun-/.test(name));

/** Cookies that a sibling host can set in another browser: all whose name has no prefix `__Host-` on https. */
function plant(from: Visitor, into: Visitor, also: (name: string) => boolean = () => false): void {
  for (const [key, cookie] of from.jar)
    if (/^latchkey-(interaction|resume)(\.sig)?$/.test(cookie.name) || also(cookie.name)) into.jar.set(key, cookie);
}

describe("an attacker's sign-in in the victim's browser", () => {
  test.each<[string, (uid: string) => string]>([
    ['the dispatcher', (uid) => `/interaction/${uid}`],
    ['the email address', (uid) => `/interaction/${uid}/login`],
    ['the password', (uid) => `/interaction/${uid}/password`],
    ['the passkey', (uid) => `/interaction/${uid}/passkey`],
    ['the code by mail', (uid) => `/interaction/${uid}/email-code`],
    ['the account chooser', (uid) => `/interaction/${uid}/account`],
    ['the consent', (uid) => `/interaction/${uid}/consent`],
    ['the second factor', (uid) => `/interaction/${uid}/second-factor`],
    ['the enrolment', (uid) => `/interaction/${uid}/enrol-factor`],
    ['creating an account', (uid) => `/interaction/${uid}/create`],
    ['a forgotten password', (uid) => `/interaction/${uid}/forgot`],
    ['the offer of a passkey', (uid) => `/interaction/${uid}/offer-passkey`],
    ['the proof of an address', (uid) => `/interaction/${uid}/verify-email`],
    ['the terms', (uid) => `/interaction/${uid}/terms`],
    ['the profile', (uid) => `/interaction/${uid}/profile`],
    ['resuming', (uid) => `/oidc/auth/${uid}`],
  ])('%s is closed although the planted cookies are right', async (_title, path) => {
    const attacker = new Visitor();
    const uid = uidOf(await attacker.submit(await attacker.open(url()), { email: victim.email }));
    const browser = new Visitor();
    plant(attacker, browser);
    const page = await browser.request(latchkey.base + path(uid));
    expect([page.status, page.text.includes('started in another browser')]).toEqual([410, true]);
    expect((await attacker.request(latchkey.base + `/interaction/${uid}`)).status).toBe(303);
  });

  test('a password typed there proves nothing', async () => {
    const attacker = new Visitor();
    const form = await attacker.submit(await attacker.open(url()), { email: victim.email });
    const browser = new Visitor();
    await browser.open(url());
    plant(attacker, browser);
    const csrf = /name="csrf" value="([^"]+)"/.exec((await browser.open(url())).text)?.[1] ?? '';
    const answer = await browser.request(form.url, { form: { csrf, email: victim.email, password } });
    expect(answer.status).toBe(410);
    const still = await attacker.open(`${latchkey.base}/interaction/${uidOf(form)}`);
    expect(still.url).toMatch(/\/password$/);
  });

  test('the victim’s own sign-in continues beside it, with planted cookies of the same names on longer paths', async () => {
    const attacker = new Visitor();
    const theirs = uidOf(await attacker.open(url()));
    const browser = new Visitor();
    const page = await browser.open(url());
    plant(attacker, browser);
    const before = await browser.submit(page, { email: victim.email });
    const [planted] = [...attacker.jar.values()].filter(({ name }) => name === 'latchkey-interaction');
    const cookies = `latchkey-interaction=${planted?.value}; ${browser.cookies(before.url)}`;
    const tossed = await new Visitor().request(before.url, { headers: { cookie: cookies } });
    expect(tossed.status).toBe(410);
    expect(tossed.text).not.toContain(theirs);
    expect((await browser.submit(before, { password })).location).toContain('code=');
  });

  test('an interaction that the attacker finished cannot be resumed there', async () => {
    const attacker = new Visitor();
    const own = await latchkey.user();
    const page = await attacker.submit(await attacker.open(url()), { email: own.email });
    const [, action] = /<form[^>]*action="([^"]*password)"/.exec(page.text) ?? [];
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const finished = await attacker.request(new URL(action ?? '', page.url).href, {
      form: { csrf, email: own.email, password },
    });
    const resume = finished.location ?? '';
    expect(resume).toContain('/oidc/auth/');
    const browser = new Visitor();
    plant(attacker, browser);
    const refused = await browser.request(resume);
    expect([refused.status, refused.location]).toEqual([410, null]);
    expect([...browser.jar.keys()].filter((key) => /latchkey-session/.test(key))).toEqual([]);
    expect((await attacker.request(resume)).location).toContain('code=');
  });

  test('a device that the attacker began to connect cannot be resumed there', async () => {
    const { body } = await post(
      `${latchkey.base}/oidc/device/auth`,
      { client_id: deviceClient.client_id, client_secret: '' },
      { scope: 'openid' },
    );
    const attacker = new Visitor();
    const code = await attacker.submit(await attacker.open(`${latchkey.base}/oidc/device`), {
      user_code: String(body['user_code']),
    });
    const page = await attacker.submit(code, {}, 'confirm');
    expect(page.url).toContain('/interaction/');
    const browser = new Visitor();
    plant(attacker, browser);
    for (const path of [`/interaction/${uidOf(page)}/login`, `/oidc/device/${uidOf(page)}`])
      expect((await browser.request(latchkey.base + path)).status, path).toBe(410);
  });
});

describe('the list of sign-ins that a browser began', () => {
  test.each<[string, (value: string) => string]>([
    ['another signature', (value) => value.slice(0, -1) + (value.endsWith('A') ? 'B' : 'A')],
    ['another time', (value) => `zzzzzz${value.slice(value.indexOf('.'))}`],
    ['no signature', (value) => value.split('.').slice(0, 2).join('.')],
    ['nothing', () => 'x'],
    ['a quoted value', (value) => `"${value}"`],
  ])('with %s is refused', async (_title, change) => {
    const visitor = new Visitor();
    const page = await visitor.open(url());
    for (const cookie of begunCookies(visitor)) cookie.value = change(cookie.value);
    expect((await visitor.open(page.url)).status).toBe(410);
  });

  test('with the entry of one sign-in under the name of another is refused', async () => {
    const visitor = new Visitor();
    const one = await visitor.open(url());
    const [entry] = begunCookies(visitor);
    const other = new Visitor();
    const name = `latchkey-begun-${uidOf(await other.open(url()))}`;
    const wrong = new Visitor();
    plant(other, wrong);
    wrong.jar.set(`/ ${name}`, { name, value: entry?.value ?? '', path: '/' });
    expect((await wrong.open(`${latchkey.base}/interaction/${name.slice('latchkey-begun-'.length)}`)).status).toBe(410);
    expect((await visitor.open(one.url)).status).toBe(200);
  });

  test.each([
    ['capitals', (name: string) => name.toUpperCase()],
    ['the prefix in small letters', (name: string) => `__host-${name}`],
    ['a space before it', (name: string) => `\u00a0${name}`],
  ])('is not read from names in %s', async (_title, rename) => {
    const visitor = new Visitor();
    const page = await visitor.open(url());
    const cookies = visitor.cookies(page.url).replace(/latchkey-begun-[\w-]+/, (name) => rename(name));
    expect((await new Visitor().request(page.url, { headers: { cookie: cookies } })).status).toBe(410);
  });

  test('keeps 20 sign-ins that began at once, each with its own answer', async () => {
    const visitor = new Visitor();
    const states = Array.from({ length: 20 }, (_, n) => `tab-${n}`);
    const pages = await Promise.all(states.map((state) => visitor.open(url({ state }))));
    expect(pages.map(({ status }) => status)).toEqual(states.map(() => 200));
    for (const n of [19, 0, 7]) {
      const page = await visitor.submit(pages[n]!, { email: victim.email });
      const back = page.location ? page : await visitor.submit(page, { password });
      expect(new URL(back.location ?? 'x:').searchParams.get('state')).toBe(`tab-${n}`);
      visitor.jar.delete('/ latchkey-session');
      visitor.jar.delete('/ latchkey-session.sig');
    }
  });

  test('moves to the next prompt of the same request', async () => {
    const asking = await latchkey.client();
    const visitor = new Visitor();
    const authorize = authorizeUrl(latchkey.base, asking, { code_challenge: pkce().challenge });
    const login = await visitor.submit(await visitor.open(authorize), { email: victim.email });
    const consent = await visitor.submit(login, { password });
    expect([consent.status, consent.url.endsWith('/consent')]).toEqual([200, true]);
    expect(begunCookies(visitor).map(({ name }) => name)).toContain(`latchkey-begun-${uidOf(consent)}`);
    const other = new Visitor();
    plant(visitor, other, (name) => /latchkey-session/.test(name));
    expect((await other.request(consent.url)).status).toBe(410);
    expect((await visitor.submit(consent, {}, 'allow')).location).toContain('code=');
  });

  test('whose entry was pushed out by other cookies ends that sign-in and nothing else', async () => {
    const visitor = new Visitor();
    const page = await visitor.open(url());
    for (const key of [...visitor.jar.keys()].filter((name) => /latchkey-begun-/.test(name))) visitor.jar.delete(key);
    expect((await visitor.open(page.url)).status).toBe(410);
    expect((await visitor.signIn(url(), victim)).get('code')).toMatch(/^lk_ac_/);
  });
});
