/** Sign-ins by an upstream provider: of a known user, of a new one, and of one whose address has an account. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { fromUuid } from '#kernel/ids.ts';
import { eventsOf, travel } from '../../support/account.ts';
import { type Federation, identitiesOf, someone, startFederation } from '../../support/federation.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import { type Page, Visitor } from '../../support/visitor.ts';

let it: Federation;
beforeAll(async () => {
  it = await startFederation();
  await it.latchkey.run('connections.update', { connection: 'acme', links_by_email: true });
});
afterAll(() => it.close());
afterEach(() => void vi.useRealTimers());

/** A browser that has just come back from the provider as this user. */
async function arrive(person: Record<string, unknown>, visitor = newcomer(), extra = {}) {
  it.tell(person);
  return { visitor, page: await it.pass(visitor, await it.begin(visitor, extra)) };
}
const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
const words = ({ text }: Page): string => text.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');

describe('a new user', () => {
  test('has an account with the verified address, and signs in to it the next time', async () => {
    const person = someone();
    expect(isDone((await arrive(person)).page)).toBe(true);
    expect(await findUser(it.latchkey, person.email)).toMatchObject({
      email_verified: true,
      profile: { name: person.name },
    });
    expect(await identitiesOf(it.latchkey, person.email)).toEqual([
      { connection: 'acme', issuer: it.upstream.url, subject: person.sub, name: person.email },
    ]);
    expect(isDone((await arrive({ ...person, email: 'another@upstream.example' })).page)).toBe(true);
    expect(await findUser(it.latchkey, 'another@upstream.example')).toBeUndefined();
  });

  test('without a trusted address proves one by the form, and the identity is linked to that account', async () => {
    const person = someone({ email_verified: false });
    const { visitor, page } = await arrive(person);
    expect(pathOf(page)).toBe('/create');
    expect(words(page)).toContain('Acme will be linked to your new account.');
    expect(page.text).toContain(`value="${person.email}"`);
    expect(page.text).not.toContain('type="password"');
    const check = await visitor.submit(page, { name: person.name, email: person.email });
    expect(await identitiesOf(it.latchkey, person.email)).toEqual([]);
    const { code } = await it.mails.next(person.email);
    expect(isDone(await visitor.submit(check, { code }))).toBe(true);
    expect(await identitiesOf(it.latchkey, person.email)).toMatchObject([{ subject: person.sub }]);
    expect(isDone((await arrive(person)).page)).toBe(true);
  });

  test.each([
    [{ 'registration.mode': 'closed' }, 'There is no account here for your'],
    [{ 'registration.mode': 'invitation' }, 'need an invitation'],
    [{ 'registration.mode': 'waitlist' }, 'Join the waitlist'],
    [{ 'registration.mode': 'domains', 'registration.domains': '["fernway.example"]' }, 'certain domains'],
  ])('gets none with %j', async (settings, sentence) => {
    const person = someone();
    for (const [name, value] of Object.entries(settings)) await it.latchkey.run('settings.update', { name, value });
    const { page } = await arrive(person);
    await it.latchkey.run('settings.update', { name: 'registration.mode', value: 'open' });
    expect([page.status, words(page)]).toEqual([403, expect.stringContaining(sentence)]);
    expect(await findUser(it.latchkey, person.email)).toBeUndefined();
  });

  test('gets none by a connection that makes none', async () => {
    await it.connect('members-only', { creates_users: false });
    const [person, visitor] = [someone(), newcomer()];
    it.tell(person);
    const page = await it.pass(visitor, await it.begin(visitor), 'members-only');
    expect([page.status, words(page)]).toEqual([403, expect.stringContaining('There is no account here for your')]);
    expect(page.text).toContain('/create"');
  });

  test('is asked for required fields and for the terms by the sign-in', async () => {
    await it.latchkey.run('settings.update', { name: 'profile.required', value: '["website"]' });
    const { visitor, page } = await arrive(someone());
    await it.latchkey.run('settings.update', { name: 'profile.required', value: '[]' });
    expect(pathOf(page)).toBe('/profile');
    expect(isDone(await visitor.submit(page, { website: 'https://noor.example' }))).toBe(true);
  });
});

describe('a user whose address has an account', () => {
  test('signs in to it once in the way of before, and by the provider from then on', async () => {
    const user = await it.latchkey.user({ email_verified: true });
    const person = someone({ email: user.email });
    const { visitor, page } = await arrive(person);
    expect(pathOf(page)).toBe('/federation/confirm');
    expect(words(page)).toContain('You already have an account');
    const password = await visitor.open(`${page.url.replace(/\/federation\/confirm$/, '')}`);
    expect(pathOf(password)).toBe('/password');
    expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
    expect(isDone(await visitor.submit(password, { password: user.password }))).toBe(true);
    expect(await identitiesOf(it.latchkey, user.email)).toMatchObject([{ subject: person.sub }]);
    expect(await eventsOf(it.latchkey, user)).toContain('user.identity_linked');
    expect((await it.mails.next(user.email, /linked/)).text).toContain('Acme');
    expect(isDone((await arrive(person)).page)).toBe(true);
  });

  test('is not linked when another address is typed instead', async () => {
    const [user, other] = [await it.latchkey.user({ email_verified: true }), await it.latchkey.user()];
    const { visitor, page } = await arrive(someone({ email: user.email }));
    const login = await visitor.open(page.url.replace(/federation\/confirm$/, 'login'));
    const asked = await visitor.submit(login, { email: other.email });
    expect(isDone(await visitor.submit(asked, { password: other.password }))).toBe(true);
    expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
    expect(await identitiesOf(it.latchkey, other.email)).toEqual([]);
  });

  test('is not linked by a connection that does not link', async () => {
    await it.connect('no-links', { links_by_email: false });
    const [user, visitor] = [await it.latchkey.user({ email_verified: true }), newcomer()];
    it.tell(someone({ email: user.email }));
    const page = await it.pass(visitor, await it.begin(visitor), 'no-links');
    expect([page.status, words(page)]).toEqual([403, expect.stringContaining('link Acme in your security settings')]);
  });
});

describe('a linked user', () => {
  test('of an imported identity without an issuer signs in, and the identity gets the issuer', async () => {
    const user = await it.latchkey.user({ email_verified: true });
    const person = someone({ email: null });
    await it.latchkey.app.database.sql(
      `insert into user_identity (connection, issuer, subject, user_id, created_at)
       select 'acme', '', $1, id, now() from users where email_canonical = $2`,
      [person.sub, user.email],
    );
    expect(isDone((await arrive(person)).page)).toBe(true);
    expect(await identitiesOf(it.latchkey, user.email)).toMatchObject([{ issuer: it.upstream.url }]);
  });

  test('is asked for the second factor of the policy', async () => {
    const person = someone();
    await arrive(person);
    await it.latchkey.run('settings.update', { name: 'mfa.enforcement', value: 'required' });
    const { page } = await arrive(person);
    expect(pathOf(page)).toBe('/enrol-factor');
    await it.connect('two-steps', { trusts_factors: true });
    const visitor = newcomer();
    it.tell(someone({ amr: ['pwd', 'mfa'] }));
    const trusted = await it.pass(visitor, await it.begin(visitor), 'two-steps');
    const untrusted = await arrive(someone({ amr: ['pwd', 'mfa'] }));
    await it.latchkey.run('settings.update', { name: 'mfa.enforcement', value: 'optional' });
    expect(isDone(trusted)).toBe(true);
    expect(pathOf(untrusted.page)).toBe('/enrol-factor');
  });

  test('is not signed in while the account is disabled', async () => {
    const person = someone();
    await arrive(person);
    const [row] = await it.latchkey.app.database.sql<{ id: string }>(
      'select id from users where email_canonical = $1',
      [person.email],
    );
    await it.latchkey.run('users.disable', { user_id: fromUuid('usr', row?.id ?? '') });
    const { page } = await arrive(person);
    expect([page.status, words(page)]).toEqual([403, expect.stringContaining('Your account here is disabled')]);
  });
});

describe('the way there and back', () => {
  test('asks for a fresh proof where the relying party does, and names the typed address', async () => {
    const visitor = newcomer();
    const page = await it.begin(visitor, { login_hint: 'noor@fernway.example' });
    const away = await it.press(visitor, page);
    expect(away.status).toBe(303);
    expect(new URL(away.location ?? '').origin).toBe(it.upstream.url);
    expect(new URL(away.location ?? '').searchParams.get('login_hint')).toBe('noor@fernway.example');
    expect(new URL(away.location ?? '').searchParams.get('prompt')).toBeNull();
    for (const asked of [{ prompt: 'login' }, { max_age: '3600' }]) {
      const browser = newcomer();
      const { location } = await it.press(browser, await it.begin(browser, asked));
      expect(new URL(location ?? '').searchParams.get('prompt'), JSON.stringify(asked)).toBe('login');
    }
  });

  test('of a user who turns back ends at the first page, which says so once', async () => {
    const visitor = newcomer();
    const away = await it.press(visitor, await it.begin(visitor));
    const callback = new URL(it.callback(away));
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'access_denied');
    const page = await visitor.open(callback.href);
    expect(pathOf(page)).toBe('/login');
    expect(words(page)).toContain('You cancelled signing in with Acme.');
    expect(words(await visitor.open(page.url))).not.toContain('You cancelled signing in');
  });

  test('of a provider that answers wrongly ends at a page that leads on, and is in the audit log', async () => {
    it.tell({ ...someone(), nonce: 'another' });
    const visitor = newcomer();
    const page = await it.pass(visitor, await it.begin(visitor));
    expect([page.status, words(page)]).toEqual([403, expect.stringContaining('Acme couldn’t sign you in')]);
    expect(page.text).toMatch(/href="\/interaction\/[\w-]+\/login"/);
    const [event] = await it.latchkey.app.database.sql<{ details: object }>(
      `select details from audit_record where type = 'user.sign_in_failed' order by at desc limit 1`,
    );
    expect(event?.details).toMatchObject({ method: 'federation', connection: 'acme', reason: 'invalid_answer' });
  });

  test('by a form of the provider carries no cookie there, and goes on in the browser that began', async () => {
    const [person, visitor] = [someone(), newcomer()];
    it.tell(person);
    const away = await it.press(visitor, await it.begin(visitor));
    const callback = new URL(it.callback(away));
    const posted = await new Visitor().request(`${callback.origin}${callback.pathname}`, {
      form: Object.fromEntries(callback.searchParams),
      headers: { origin: it.upstream.url, 'sec-fetch-site': 'cross-site' },
    });
    expect(posted.status).toBe(303);
    expect(posted.location).toMatch(/\/interaction\/[\w-]+\/federation\/return\?proof=[\w-]{43}$/);
    expect(isDone(await visitor.follow(posted))).toBe(true);
  });

  test('reloaded, replayed or gone back to does nothing more', async () => {
    it.tell(someone());
    const visitor = newcomer();
    const away = await it.press(visitor, await it.begin(visitor));
    const kept = await visitor.request(it.callback(away));
    expect((await visitor.request(it.callback(away))).status).toBe(410);
    expect(isDone(await visitor.open(kept.location ?? ''))).toBe(true);
    const again = await visitor.open(kept.location ?? '');
    expect([again.status, words(again)]).toEqual([410, expect.stringContaining('This sign-in is complete.')]);
    expect((await visitor.request(it.callback(away))).status).toBe(410);
  });

  test('twice in two tabs signs in once, and the other tab says that it is finished', async () => {
    it.tell(someone());
    const visitor = newcomer();
    const page = await it.begin(visitor);
    const [first, second] = [await it.press(visitor, page), await it.press(visitor, page)];
    expect(isDone(await visitor.open(it.callback(second)))).toBe(true);
    expect((await visitor.open(it.callback(first))).status).toBe(410);
  });

  test('takes at most ten minutes', async () => {
    it.tell(someone());
    const visitor = newcomer();
    const away = await it.press(visitor, await it.begin(visitor));
    travel(11 * MINUTE);
    const page = await visitor.open(it.callback(away));
    expect([page.status, words(page)]).toEqual([410, expect.stringContaining('This sign-in has ended')]);
  });

  test('to a provider that does not answer leads back with a sentence', async () => {
    await it.connect('gone', { issuer: 'http://127.0.0.1:9' });
    const visitor = newcomer();
    const page = await visitor.follow(await it.press(visitor, await it.begin(visitor), 'gone'));
    expect(pathOf(page)).toBe('/federation');
    expect(words(page)).toContain('isn’t responding right now');
    await it.latchkey.run('connections.delete', { connection: 'gone' });
  });

  test('is remembered in the browser', async () => {
    const { visitor } = await arrive(someone());
    await it.connect('second');
    for (const [key, { name }] of visitor.jar) if (/session/.test(name)) visitor.jar.delete(key);
    const page = await it.begin(visitor);
    await it.latchkey.run('connections.delete', { connection: 'second' });
    expect(words(page)).toContain('Continue with Acme Last used');
    expect([...visitor.jar.values()].find(({ name }) => name.endsWith('latchkey-provider'))?.value).toBe('acme');
  });
});

describe('policy', () => {
  test('closes the way: no button, and no answer is taken', async () => {
    const visitor = newcomer();
    it.tell(someone());
    const away = await it.press(visitor, await it.begin(visitor));
    await it.latchkey.run('settings.update', { name: 'signIn.methods', value: '["password"]' });
    const page = await visitor.open(it.callback(away));
    const first = await it.begin(newcomer());
    await it.latchkey.run('settings.update', {
      name: 'signIn.methods',
      value: '["password","passkey","emailLink","emailCode","federation"]',
    });
    expect(isDone(page)).toBe(false);
    expect(first.text).not.toContain('/federation/acme');
  });
});
