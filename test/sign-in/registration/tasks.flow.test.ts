/** Requirements before a sign-in completes: the terms, and required profile fields. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import {
  begin,
  createRequest,
  findUser,
  freshEmail,
  newcomer,
  ownNetworks,
  strong,
} from '../../support/registration.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, ...ownNetworks } });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const before: Record<string, unknown> = {
  'registration.termsVersion': null,
  'profile.required': [],
  'profile.properties': [],
};
const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });
afterEach(async () => {
  for (const [name, value] of Object.entries(before)) await set(name, value);
});

/** Past the password. */
async function signIn(
  user: { email: string; password: string },
  visitor = new Visitor(),
): Promise<{ visitor: Visitor; page: Page }> {
  const first = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  const page = await visitor.submit(await visitor.submit(first, { email: user.email }), { password: user.password });
  return { visitor, page };
}

describe('the terms', () => {
  test('are accepted during the registration, in their current version', async () => {
    await set('registration.termsVersion', '2026-01');
    const visitor = newcomer();
    const email = freshEmail();
    const values = { name: 'Noor', email, password: strong };
    const without = await begin(visitor, createRequest(latchkey, client), values);
    expect([without.isRefused, without.text.includes('Agree to the terms')]).toEqual([true, true]);
    const check = await visitor.submit(without, { ...values, terms: '1' });
    const end = await visitor.submit(check, { code: (await mails.next(email)).code });
    expect(end.location).toContain('code=');
    expect(await findUser(latchkey, email)).toMatchObject({ terms_version: '2026-01' });
  });

  test('are shown to all other users once, and again when they change', async () => {
    const user = await latchkey.user({ email_verified: true });
    for (const version of ['2026-01', '2026-02']) {
      await set('registration.termsVersion', version);
      const { visitor, page } = await signIn(user);
      expect(page.url).toMatch(/\/terms$/);
      expect(page.text).toContain(version === '2026-01' ? 'Agree to the terms' : 'The terms have changed');
      const { action, fields } = formsOf(page)[0]!;
      expect((await visitor.open(action, { ...fields, action: 'whatever' })).url).toBe(page.url);
      expect((await visitor.submit(page, {}, 'allow')).location).toContain('code=');
      expect((await signIn(user)).page.location).toContain('code=');
    }
    const events = await latchkey.app.database.sql<{ details: unknown }>(
      `select details from audit_record where type = 'user.terms_accepted' and subject_id = $1`,
      [user.id],
    );
    expect(events).toHaveLength(2);
  });

  test('that a user refuses end the sign-in with an error at the application, and the account stays', async () => {
    await set('registration.termsVersion', '2026-01');
    const user = await latchkey.user({ email_verified: true });
    const { visitor, page } = await signIn(user);
    const back = await visitor.submit(page, {}, 'deny');
    expect(new URL(back.location!).searchParams.get('error')).toBe('access_denied');
    expect((await signIn(user)).page.url).toMatch(/\/terms$/);
  });

  test('cannot be bypassed by an address or a form of another step', async () => {
    await set('registration.termsVersion', '2026-01');
    const user = await latchkey.user({ email_verified: true });
    const { visitor, page } = await signIn(user);
    const base = page.url.replace(/\/terms$/, '');
    for (const path of ['', '/profile', '/create', '/create/check', '/consent', '/first-passkey'])
      expect((await visitor.open(`${base}${path}`)).url).toMatch(/\/terms$/);
    const form = formsOf(page)[0]!;
    const posted = await visitor.open(`${base}/profile`, { ...form.fields, action: 'continue' });
    expect(posted.url).toMatch(/\/terms$/);
  });
});

describe('required profile fields', () => {
  const team = {
    name: 'team',
    type: 'text',
    label: { en: 'Team', de: 'Abteilung' },
    required: true,
    visibility: 'claims',
  };
  const grade = {
    name: 'grade',
    type: 'number',
    label: 'Grade',
    visibility: 'operator',
    editable: 'operator',
    required: true,
  };

  test('are requested from a user without them, in their language, and become claims', async () => {
    await set('profile.properties', [team, grade]);
    const user = await latchkey.user({ email_verified: true });
    const { visitor, page } = await signIn(user, new Visitor({ 'accept-language': 'de' }));
    expect(page.url).toMatch(/\/profile$/);
    expect(page.text).toContain('Abteilung');
    // Operators' own business is not asked.
    expect(page.text).not.toContain('Grade');
    const wrong = await visitor.submit(page, { property_team: ' \u200B ', property_grade: '5', name: 'Eve' });
    expect(wrong.isRefused).toBe(true);
    expect((await visitor.submit(wrong, { property_team: 'Webstühle' })).location).toContain('code=');
    expect(await findUser(latchkey, user.email)).toMatchObject({ properties: { team: 'Webstühle' }, profile: {} });

    const { access_token: accessToken } = await tokensFor(latchkey.base, client, user, { scope: 'openid profile' });
    const userinfo = await post(
      `${latchkey.base}/oidc/userinfo`,
      client,
      {},
      { authorization: `Bearer ${accessToken}` },
    );
    expect(userinfo.body).toMatchObject({ team: 'Webstühle' });
    const bare = await tokensFor(latchkey.base, client, user, { scope: 'openid email' });
    const less = await post(
      `${latchkey.base}/oidc/userinfo`,
      client,
      {},
      { authorization: `Bearer ${bare.access_token}` },
    );
    expect(less.body).not.toHaveProperty('team');
  });

  test('are in the registration form, and hostile text is escaped', async () => {
    await set('profile.properties', [{ ...team, label: '<b onclick=alert(1)>Team</b>', registration: true }]);
    await set('profile.required', ['birthdate']);
    const visitor = newcomer();
    const email = freshEmail();
    const values = { name: '<script>alert(1)</script>\u202E', email, password: strong, birthdate: '1815-12-10' };
    const first = await begin(visitor, createRequest(latchkey, client), { ...values, property_team: '' });
    expect(first.isRefused).toBe(true);
    expect(first.text).not.toMatch(/<script>alert|<b onclick/);
    const check = await visitor.submit(first, { ...values, property_team: '"><img src=x>' });
    const end = await visitor.submit(check, { code: (await mails.next(email)).code });
    expect(end.location).toContain('code=');
    expect(await findUser(latchkey, email)).toMatchObject({
      profile: { name: '<script>alert(1)</script>', birthdate: '1815-12-10' },
      properties: { team: '"><img src=x>' },
    });
  });

  test('are not requested if the account has them', async () => {
    await set('profile.required', ['name']);
    const named = await latchkey.user({ email_verified: true, name: 'Ada' });
    expect((await signIn(named)).page.location).toContain('code=');
    const nameless = await latchkey.user({ email_verified: true });
    expect((await signIn(nameless)).page.url).toMatch(/\/profile$/);
  });
});
