/** A refused form answers 303 to its own page, which shows the problem once; no secret that was typed is kept for it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import { signInTo } from './support/account.ts';
import { startTestApp, type TestApp, type TestClient, testSecrets, type TestUser } from './support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from './support/visitor.ts';

const CANARY = 'canary of a secret 7';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'registration.mode': 'waitlist' } });
  [client, user] = [await latchkey.client({ first_party: true }), await latchkey.user({ email_verified: true })];
});
afterAll(() => latchkey.close());

const at = (path: string) => `${latchkey.base}${path}`;
const login = (visitor: Visitor) =>
  visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
const password = async (visitor: Visitor) => visitor.submit(await login(visitor), { email: user.email });
const besidePassword = (path: string) => async (visitor: Visitor) =>
  visitor.open((await password(visitor)).url.replace(/password$/, path));
const outside = (path: string) => (visitor: Visitor) => visitor.open(at(path));
const inside = (path: string) => async (visitor: Visitor) => {
  const { visitor: signedIn } = await signInTo(latchkey);
  for (const [key, cookie] of signedIn.jar) visitor.jar.set(key, cookie);
  return visitor.open(at(path));
};

/** A page with a form, what is typed wrongly into it, and the path below which it is sent where that is another one. */
type Row = [reach: (visitor: Visitor) => Promise<Page>, typed: Record<string, string>, sentTo?: string];
const forms: Readonly<Record<string, Row>> = {
  'the address of a sign-in': [login, { email: 'no address' }],
  'the password of a sign-in': [password, { password: CANARY }],
  'no password': [password, { password: '' }],
  'a code by mail': [besidePassword('email-code'), { code: CANARY }],
  'a passkey that was not given': [besidePassword('passkey'), { failure: 'cancelled', credential: '' }],
  'a forgotten password, in a sign-in': [besidePassword('forgot'), { email: 'no address' }],
  'a forgotten password': [outside('/recovery'), { email: '' }],
  'the waitlist': [outside('/waitlist'), { name: 'Noor', email: 'no address' }],
  'the code of a device': [outside('/oidc/device'), { user_code: 'BBBB-BBBB' }],
  'the first administrator': [
    async (visitor) => visitor.open(at((await latchkey.app.setup.openLink()) ?? '')),
    { name: 'Grace', email: 'grace@example.com', password: CANARY, password_again: `${CANARY}1` },
  ],
  'a new password': [inside('/account/password'), { current: CANARY, password: `${CANARY} and more` }],
  'an authenticator app': [inside('/account/authenticator'), { code: CANARY }],
  'a passkey of the account': [inside('/account/passkeys/new'), { failure: 'cancelled', credential: CANARY }],
  'closing the account': [inside('/account/close'), { email: 'other@example.com' }],
  'the profile': [inside('/account/profile'), { website: 'javascript:alert(1)' }, '/account/profile'],
  'another address': [inside('/account/emails'), { email: 'no address' }, '/account/emails'],
  'another first address': [inside('/account/emails/change'), { email: 'no address' }],
};

/** What the cookies of an answer hold, opened as this server opens them: for each page and holder of forms. */
async function openedCookies(answer: Page): Promise<string[]> {
  const ring = createKeyRing([testSecrets]);
  const rows = await latchkey.app.database.sql<{ uid: string }>(
    `select payload->>'uid' as uid from oidc_artifact where kind = 'Session'`,
  );
  const holders = ['', ...rows.map(({ uid }) => uid)];
  const page = new URL(answer.location!).pathname;
  const kept = answer.headers
    .getSetCookie()
    .flatMap((line) => /^latchkey-refused-[\w-]+=([^;]+)/.exec(line)?.[1] ?? []);
  return kept.map((sealed) => {
    for (const holder of holders)
      try {
        return ring.open(sealed, `refusal:${page}:${holder}`);
      } catch {
        continue;
      }
    throw new Error(`nobody can open what is kept for ${page}`);
  });
}

const isShown = (page: Page): boolean => page.isRefused && page.text.includes('<title>Error:');

describe.each(Object.keys(forms))('%s', (name) => {
  const [reach, typed, sentTo] = forms[name]!;
  let visitor: Visitor;
  let page: Page;
  let answer: Page;
  beforeAll(async () => {
    visitor = new Visitor();
    page = await reach(visitor);
    const names = Object.keys(typed);
    const form = formsOf(page).find(({ action, fields }) =>
      sentTo === undefined ? names.some((field) => field in fields) : new URL(action).pathname === sentTo,
    );
    answer = await visitor.request(form?.action ?? '', { form: { ...form?.fields, ...typed } });
  });

  test('is refused with 303 to its own page, without a word in the address', () => {
    expect([answer.status, answer.location]).toEqual([303, page.url.replace(/\?.*/, '')]);
    expect(answer.headers.get('retry-after')).toBeNull();
  });

  test('is kept without a secret that was typed', async () => {
    const [kept, ...others] = await openedCookies(answer);
    expect(others).toEqual([]);
    expect(JSON.parse(kept!)).toMatchObject({ what: expect.any(Object) as object });
    expect(kept).not.toContain(CANARY);
    expect(answer.headers.getSetCookie().join()).not.toContain(CANARY);
  });

  test('says so on its page, once', async () => {
    const elsewhere = await visitor.open(at('/recovery'));
    expect(isShown(elsewhere) && page.url !== elsewhere.url).toBe(false);
    const again = page.url === elsewhere.url ? elsewhere : await visitor.open(answer.location!);
    expect([again.status, again.url, isShown(again)]).toEqual([200, answer.location, true]);
    expect(again.text).not.toContain(CANARY);
    const reloaded = await visitor.open(again.url);
    expect([reloaded.status, isShown(reloaded)]).toEqual([200, false]);
  });
});
