/** A decision counts for the request that it was made about, by the person who was signed in when it was made. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let shop: TestClient;
let evil: TestClient;
let alice: TestUser;
let bob: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

/** New ones each time: a decision is remembered. */
async function people(): Promise<void> {
  shop = await latchkey.client({ name: 'Shop' });
  evil = await latchkey.client({ name: 'Evil', redirect_uris: ['https://evil.test/cb'] });
  alice = await latchkey.user();
  bob = await latchkey.user();
}

const authorize = (client: TestClient, extra: Record<string, string> = {}): string =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });

async function signedIn(visitor: Visitor, url: string, { email, password }: TestUser): Promise<Page> {
  const first = await visitor.open(url);
  // The consent page addresses the signed-in user until another account is chosen.
  const asking = first.url.endsWith('/login') ? first : await visitor.open(first.url.replace(/\/\w+$/, '/login'));
  return visitor.submit(await visitor.submit(asking, { email }), { password });
}

const isConsent = (page: Page): boolean => formsOf(page)[0]?.buttons.some(({ value }) => value === 'allow') ?? false;
const queryOf = (page: Page): URLSearchParams => new URL(page.location ?? 'http://none.invalid/').searchParams;
const events = async (user: TestUser) =>
  latchkey.app.database.sql<{ type: string; client_id: string }>(
    `select type, client_id from audit_record where type = 'consent.given' and subject_id = $1`,
    [user.id],
  );

describe('consent', () => {
  test('is given once: the form of a finished request has no effect', async () => {
    await people();
    const visitor = new Visitor();
    const page = await signedIn(visitor, authorize(shop), alice);
    expect(isConsent(page)).toBe(true);
    const [form] = formsOf(page);
    expect(queryOf(await visitor.submit(page, {}, 'allow')).get('code')).toMatch(/^lk_ac_/);
    expect(await events(alice)).toHaveLength(1);
    const again = await visitor.open(form!.action, { ...form!.fields, action: 'allow' });
    expect([again.status >= 400, again.location]).toEqual([true, null]);
  });

  test('covers the shown request: more scopes, another client or another address in the form change nothing', async () => {
    await people();
    const visitor = new Visitor();
    const page = await signedIn(visitor, authorize(shop), alice);
    const back = await visitor.submit(
      page,
      {
        scope: 'openid email offline_access',
        client_id: evil.client_id,
        redirect_uri: 'https://evil.test/cb',
        claims: '{}',
      },
      'allow',
    );
    expect(back.location).toMatch(/^http:\/\/127\.0\.0\.1:9\/cb\?code=/);
    const more = await visitor.open(authorize(shop, { scope: 'openid email', prompt: 'none' }));
    expect(queryOf(more).get('error')).toBe('consent_required');
  });

  test('for one request does not count for another open request in the same browser', async () => {
    await people();
    const visitor = new Visitor();
    const first = await signedIn(visitor, authorize(shop), alice);
    const second = await visitor.open(authorize(evil, { scope: 'openid email' }));
    expect([isConsent(first), isConsent(second)]).toEqual([true, true]);
    const [mine, theirs] = [formsOf(first)[0]!, formsOf(second)[0]!];
    // The fields of a form do not name its request: the address and the cookie on its path do.
    const crossed = await visitor.open(mine.action, { ...theirs.fields, action: 'deny' });
    expect(crossed.location).toMatch(/^http:\/\/127\.0\.0\.1:9\/cb\?error=access_denied/);
    const silent = await visitor.open(authorize(evil, { scope: 'openid email', prompt: 'none' }));
    expect(queryOf(silent).get('error')).toBe('consent_required');
  });

  test.each(['signed out', 'disabled'])(
    'of a user who is %s since then does not count, and is not stored',
    async (how) => {
      await people();
      const visitor = new Visitor();
      const page = await signedIn(visitor, authorize(shop), alice);
      expect(isConsent(page)).toBe(true);
      if (how === 'disabled') await latchkey.run('users.disable', { user_id: alice.id });
      else await visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'logout');
      const answer = await visitor.submit(page, {}, 'allow');
      expect(queryOf(answer).get('code')).toBeNull();
      expect(await events(alice)).toEqual([]);
      if (how === 'disabled') await latchkey.run('users.enable', { user_id: alice.id });
      expect(isConsent(await signedIn(new Visitor(), authorize(shop), alice))).toBe(true);
    },
  );

  test('of one user does not count for the next user in the same browser', async () => {
    await people();
    const visitor = new Visitor();
    const page = await signedIn(visitor, authorize(shop), alice);
    // A page of the engine ends the first person's session and goes on by itself where there are scripts.
    const goingOn = await signedIn(visitor, authorize(evil, { prompt: 'login' }), bob);
    const other = await visitor.submit(goingOn);
    expect(isConsent(other)).toBe(true);
    const answer = await visitor.submit(page, {}, 'allow');
    expect(queryOf(answer).get('code')).toBeNull();
    expect([await events(alice), await events(bob)]).toEqual([[], []]);
    expect(isConsent(await signedIn(new Visitor(), authorize(shop), alice))).toBe(true);
  });

  test('is not given by a form without a button, by a list of buttons, or by an unknown button', async () => {
    await people();
    const visitor = new Visitor();
    const page = await signedIn(visitor, authorize(shop), alice);
    const [form] = formsOf(page);
    for (const action of ['', 'ALLOW', 'allow ', 'allow,deny', 'true', 'confirm', '__proto__']) {
      const answer = await visitor.open(form!.action, { ...form!.fields, action });
      expect([action, answer.status, answer.url]).toEqual([action, 200, page.url]);
    }
    expect(await events(alice)).toEqual([]);
  });
});

describe('a sign-in', () => {
  test('cannot skip steps: its later pages do nothing before the user is authenticated', async () => {
    await people();
    const visitor = new Visitor();
    const page = await visitor.open(authorize(shop));
    const uid = new URL(page.url).pathname.split('/')[2] ?? '';
    const [form] = formsOf(page);
    for (const step of ['consent', 'account', 'password', 'login', '']) {
      const url = `${latchkey.base}/interaction/${uid}${step && `/${step}`}`;
      expect(queryOf(await visitor.open(url)).get('code')).toBeNull();
      const posted = await visitor.open(url, {
        ...form!.fields,
        action: 'allow',
        account: alice.id,
        email: alice.email,
      });
      expect(queryOf(posted).get('code')).toBeNull();
    }
    const resumed = await visitor.open(`${latchkey.base}/oidc/auth/${uid}`);
    expect(resumed.location).toBeNull();
  });

  test('does not switch to another user through the account chooser', async () => {
    await people();
    const visitor = new Visitor();
    await signedIn(visitor, authorize(shop), alice);
    const page = await visitor.open(authorize(shop, { prompt: 'select_account' }));
    const [form] = formsOf(page);
    const answer = await visitor.open(form!.action, { ...form!.fields, account: bob.id });
    expect(answer.text).not.toContain(bob.email);
    expect(queryOf(answer).get('code')).toBeNull();
  });
});
