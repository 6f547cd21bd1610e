import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client();
  user = await latchkey.user({ name: 'Ada Lovelace' });
});
afterAll(() => latchkey.close());

const request = (extra = {}) => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const words = (page: Page) => page.text.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');

/** Signs in and stops at the consent page. */
async function atConsent(extra: Record<string, string> = {}, who = user): Promise<{ visitor: Visitor; page: Page }> {
  const visitor = new Visitor();
  let page = await visitor.open(request(extra));
  page = await visitor.submit(page, { email: who.email });
  page = await visitor.submit(page, { password: who.password });
  expect(new URL(page.url).pathname).toMatch(/\/consent$/);
  return { visitor, page };
}

describe('the consent page', () => {
  test('names the app, the account, the requested rights, and the host of the redirect', async () => {
    const { page } = await atConsent({ scope: 'openid profile email' });
    const text = words(page);
    for (const part of ['Shop', user.email.slice(0, user.email.indexOf('@')), 'email address', '127.0.0.1:9'])
      expect(text).toContain(part);
    expect(text).not.toContain('{');
  });

  test('shows scopes of an API in their registered words', async () => {
    await latchkey.run('apis.create', {
      identifier: 'https://invoices.example',
      name: 'Invoices',
      scopes: [
        { name: 'invoices:read', description: 'See your invoices' },
        { name: 'invoices:write', description: 'Change your invoices' },
      ],
    });
    client = await latchkey.client({ apis: { 'https://invoices.example': ['invoices:read'] } });
    const { page } = await atConsent({
      scope: 'openid invoices:read invoices:write',
      resource: 'https://invoices.example',
    });
    expect(words(page)).toContain('See your invoices');
    expect(words(page)).not.toContain('Change your invoices');
  });

  test('redirects with access_denied when the user denies it, and records an event', async () => {
    const { visitor, page } = await atConsent();
    const back = await visitor.submit(page, {}, 'deny');
    const answer = new URL(back.location ?? '').searchParams;
    expect(answer.get('error')).toBe('access_denied');
    expect(answer.get('state')).toBe('st');
    expect(answer.get('iss')).toBe(latchkey.base);
    const events = await latchkey.app.database.sql(
      `select 1 from audit_record where type = 'consent.refused' and subject_id = $1`,
      [user.id],
    );
    expect(events).toHaveLength(1);
  });

  test('grants nothing without one of its buttons', async () => {
    const { visitor, page } = await atConsent();
    const [form] = formsOf(page);
    const answer = await visitor.open(form?.action ?? '', { ...form?.fields, action: 'continue' });
    expect([answer.status, answer.url]).toEqual([200, page.url]);
    expect(
      await latchkey.app.database.sql(`select 1 from audit_record where type = 'consent.given' and subject_id = $1`, [
        user.id,
      ]),
    ).toEqual([]);
  });

  test('refuses the form of another browser', async () => {
    const { page } = await atConsent();
    const { visitor } = await atConsent();
    const refused = await visitor.submit(page, {}, 'allow');
    expect([403, 410]).toContain(refused.status);
  });
});

describe('a user who is asked in the wrong account', () => {
  test('signs in with another one, which is then asked', async () => {
    const other = await latchkey.user();
    const { visitor, page } = await atConsent({ scope: 'openid email' });
    const chooser = await visitor.open(page.url.replace(/consent$/, 'account'));
    expect(words(chooser)).toContain('Shop');
    let next = await visitor.request(chooser.url, {
      form: { ...formsOf(chooser)[0]?.fields, account: 'another' },
    });
    next = await visitor.open(next.location ?? '');
    next = await visitor.submit(next, { email: other.email });
    next = await visitor.submit(next, { password: other.password });
    // The engine ends the session of the one before by a form that posts itself.
    if (!new URL(next.url).pathname.endsWith('/consent')) next = await visitor.submit(next);
    expect(words(next)).toContain(other.email.slice(0, other.email.indexOf('@')));
    const back = await visitor.submit(next, {}, 'allow');
    expect(new URL(back.location ?? '').searchParams.get('code')).toMatch(/^lk_ac_/);
    const given = await latchkey.app.database.sql<{ subject_id: string }>(
      `select subject_id from audit_record where type = 'consent.given' order by at desc, id desc limit 1`,
    );
    expect(given[0]?.subject_id).toBe(other.id);
  });

  test('may return to the signed-in account', async () => {
    const { visitor, page } = await atConsent();
    const chooser = await visitor.open(page.url.replace(/consent$/, 'account'));
    const next = await visitor.request(chooser.url, { form: { ...formsOf(chooser)[0]?.fields, account: user.id } });
    expect(new URL((await visitor.open(next.location ?? '')).url).pathname).toMatch(/\/consent$/);
  });
});

describe('a consent', () => {
  test('is stored for other browsers and later sessions, until more is requested', async () => {
    const person = await latchkey.user();
    await tokensFor(latchkey.base, client, person, { scope: 'openid email' });
    const again = new Visitor();
    let page = await again.open(request({ scope: 'openid email' }));
    page = await again.submit(page, { email: person.email });
    page = await again.submit(page, { password: person.password });
    expect(new URL(page.location ?? '').searchParams.get('code')).toMatch(/^lk_ac_/);
    const more = await again.open(request({ scope: 'openid email phone' }));
    expect(new URL(more.url).pathname).toMatch(/\/consent$/);
  });

  test('is requested each time when the app says so', async () => {
    const person = await latchkey.user();
    const visitor = new Visitor();
    await tokensFor(latchkey.base, client, person, {}, visitor);
    const page = await visitor.open(request({ prompt: 'consent' }));
    expect(new URL(page.url).pathname).toMatch(/\/consent$/);
  });

  test('of one user or for one app does not count for another', async () => {
    const [first, second] = [await latchkey.user(), await latchkey.user()];
    await tokensFor(latchkey.base, client, first);
    const { page } = await atConsent({}, second);
    expect(page.status).toBe(200);
    const other = await latchkey.client({ name: 'Another shop' });
    const visitor = new Visitor();
    let asked = await visitor.open(authorizeUrl(latchkey.base, other, { code_challenge: pkce().challenge }));
    asked = await visitor.submit(asked, { email: first.email });
    asked = await visitor.submit(asked, { password: first.password });
    expect(words(asked)).toContain('Another shop');
  });

  test('is not needed for a first-party app, and prompt=none does not bypass it', async () => {
    const own = await latchkey.client({ name: 'Own', first_party: true });
    const person = await latchkey.user();
    const visitor = new Visitor();
    let page = await visitor.open(
      authorizeUrl(latchkey.base, own, { code_challenge: pkce().challenge, scope: 'openid profile' }),
    );
    page = await visitor.submit(page, { email: person.email });
    page = await visitor.submit(page, { password: person.password });
    expect(new URL(page.location ?? '').searchParams.get('code')).toMatch(/^lk_ac_/);
    const silent = await visitor.open(request({ prompt: 'none' }));
    expect(new URL(silent.location ?? '').searchParams.get('error')).toBe('consent_required');
  });
});
