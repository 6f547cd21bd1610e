/** A finished step that the same browser sends again does nothing, and the browser goes on where the sign-in is (a second click, Back). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { password, startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, codeOf, walk } from '../../support/mfa.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let first: TestClient;
let asking: TestClient;
let user: TestUser;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env, settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  first = await latchkey.client({ first_party: true });
  user = await latchkey.user({ email_verified: true });
});
beforeEach(async () => {
  // A consent is remembered, so that each test has an application of its own.
  asking = await latchkey.client({ name: 'Tally' });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const url = (client: TestClient, extra: Record<string, string> = {}) =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const atPassword = async (visitor: Visitor, client: TestClient): Promise<Page> =>
  visitor.submit(await visitor.open(url(client)), { email: user.email });
const sending = (page: Page, values: Record<string, string>, button?: string) => {
  const [form] = formsOf(page);
  return { action: form?.action ?? '', form: { ...form?.fields, ...values, ...(button ? { action: button } : {}) } };
};
const events = (type: string) =>
  latchkey.app.database.sql<{ type: string }>('select type from audit_record where type = $1', [type]);

describe('a password that is sent again', () => {
  test('before the browser followed leads to the same place as the first', async () => {
    const visitor = new Visitor();
    const { action, form } = sending(await atPassword(visitor, first), { password });
    const answers = [await visitor.request(action, { form }), await visitor.request(action, { form })];
    const resume = action.replace(/\/interaction\/(.+)\/password$/, '/oidc/auth/$1');
    expect(answers.map(({ status, location }) => [status, location])).toEqual([
      [303, resume],
      [303, resume],
    ]);
    expect((await visitor.open(action.replace(/\/password$/, ''))).location).toContain('code=');
  });

  test('after the sign-in has its response leads to that response, with any input', async () => {
    const visitor = new Visitor();
    const { action, form } = sending(await atPassword(visitor, first), { password });
    const dispatcher = action.replace(/\/password$/, '');
    const answer = (await visitor.request(action, { form })).location ?? '';
    expect(answer).toContain('/oidc/auth/');
    const before = (await events('user.signed_in')).length;
    for (const again of [form, { ...form, password: 'wrong' }, { email: user.email }, {}])
      expect((await visitor.request(action, { form: again })).location).toBe(answer);
    for (const page of ['', '/login', '/password', '/create', '/second-factor', '/consent'])
      expect((await visitor.request(dispatcher + page)).location, page).toBe(answer);
    expect((await events('user.signed_in')).length).toBe(before);
    expect((await visitor.request(answer)).location).toContain('code=');
  });

  test('while the next step is open leads there, and records nothing', async () => {
    const visitor = new Visitor();
    const page = await atPassword(visitor, asking);
    const { action, form } = sending(page, { password });
    const consent = await visitor.submit(page, { password });
    expect(consent.url).toMatch(/\/consent$/);
    for (const again of [form, { ...form, password: 'wrong' }])
      expect((await visitor.open(action, again)).url).toBe(consent.url);
    for (const path of [page.url, page.url.replace(/\/password$/, '')])
      expect((await visitor.open(path)).url, 'Back').toBe(consent.url);
    expect((await visitor.submit(consent, {}, 'allow')).location).toContain('code=');
  });

  test('after everything has ended says so', async () => {
    const visitor = new Visitor();
    const page = await atPassword(visitor, first);
    const { action, form } = sending(page, { password });
    expect((await visitor.submit(page, { password })).location).toContain('code=');
    const again = await visitor.open(action, form);
    expect([again.status, again.text.includes('You’re signed in here as')]).toEqual([410, true]);
  });

  test('from another browser does not', async () => {
    const visitor = new Visitor();
    const { action, form } = sending(await atPassword(visitor, first), { password });
    await visitor.request(action, { form });
    const other = await new Visitor().request(action, { form });
    expect([other.status, other.location]).toEqual([410, null]);
  });
});

describe('two equal forms at once', () => {
  test.each([2, 5])('%d passwords: each is answered, and the browser goes on from any of them', async (count) => {
    const visitor = new Visitor();
    const { action, form } = sending(await atPassword(visitor, asking), { password });
    const answers = await Promise.all(Array.from({ length: count }, () => visitor.request(action, { form })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 303));
    const places: string[] = [];
    for (const { location } of answers) places.push((await visitor.open(location ?? '')).url);
    expect(places.every((place) => place === places[0] && place.endsWith('/consent'))).toBe(true);
    expect((await visitor.submit(await visitor.open(places[0] ?? ''), {}, 'allow')).location).toContain('code=');
    expect(await latchkey.app.database.sql('select 1 from attempt_counter where failures > 0')).toEqual([]);
  });

  test('a password whose first response was already followed leads to the same place', async () => {
    const visitor = new Visitor();
    const { action, form } = sending(await atPassword(visitor, asking), { password });
    const [consent, second] = await Promise.all([visitor.open(action, form), visitor.request(action, { form })]);
    expect(consent.url).toMatch(/\/consent$/);
    expect((await visitor.open(second.location ?? '')).url).toBe(consent.url);
  });

  test('two consents: each continues, and one code is issued', async () => {
    const visitor = new Visitor();
    const page = await visitor.submit(await atPassword(visitor, asking), { password });
    const { action, form } = sending(page, {}, 'allow');
    const answers = await Promise.all([visitor.request(action, { form }), visitor.request(action, { form })]);
    for (const { status, location } of answers) {
      expect(status).toBe(303);
      expect(location).toMatch(/\/oidc\/auth\//);
    }
    expect((await visitor.open(answers[0].location ?? '')).location).toContain('code=');
  });

  test('two codes by email: the one consumed by the other is not called wrong', async () => {
    const visitor = new Visitor();
    const page = await visitor.open((await atPassword(visitor, asking)).url.replace(/password$/, 'email-code'));
    const { code } = await mails.next(user.email, /sign-in code/);
    const { action, form } = sending(page, { code });
    const answers = await Promise.all([visitor.request(action, { form }), visitor.request(action, { form })]);
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    expect((await visitor.open(answers[1].location ?? '')).url).toMatch(/\/consent$/);
  });

  test('two codes of an authenticator app: the same', async () => {
    const steps = walk(latchkey, first);
    const { key, ...holder } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(holder);
    const { action, form } = sending(page, { code: codeOf(key) });
    const answers = await Promise.all([visitor.request(action, { form }), visitor.request(action, { form })]);
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    expect(codeBack(await visitor.open(answers[1].location ?? ''))).not.toBeNull();
  });

  test('a wrong code that was sent once is still called wrong', async () => {
    const visitor = new Visitor();
    const page = await visitor.open((await atPassword(visitor, asking)).url.replace(/password$/, 'email-code'));
    const { action, form } = sending(page, { code: '000000' });
    expect((await visitor.request(action, { form })).isRefused).toBe(true);
  });
});
