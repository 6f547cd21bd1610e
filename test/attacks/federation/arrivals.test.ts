/** Attacks on sign-ins by upstream providers, and on the links of accounts. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromUuid } from '#kernel/ids.ts';
import { eventsOf, send, signInTo } from '../../support/account.ts';
import { type Federation, identitiesOf, someone, startFederation } from '../../support/federation.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import { formsOf, type Page, Visitor } from '../../support/visitor.ts';

let it: Federation;
beforeAll(async () => {
  it = await startFederation();
  await it.latchkey.run('connections.update', { connection: 'acme', links_by_email: true });
});
afterAll(() => it.close());

const at = (path: string) => `${it.latchkey.base}${path}`;
const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const words = ({ text }: Page): string => text.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');

async function arrive(person: Record<string, unknown>, visitor = newcomer()) {
  it.tell(person);
  return { visitor, page: await it.pass(visitor, await it.begin(visitor)) };
}
/** The answer of the provider, kept and not used: the address that the browser is led to. */
async function kept(visitor: Visitor, person: Record<string, unknown>): Promise<string> {
  it.tell(person);
  const away = await it.press(visitor, await it.begin(visitor));
  return (await visitor.request(it.callback(away))).location ?? '';
}
async function idOf(email: string): Promise<string> {
  const [row] = await it.latchkey.app.database.sql<{ id: string }>('select id from users where email_canonical = $1', [
    email,
  ]);
  return fromUuid('usr', row?.id ?? '');
}
/** Begins to link: the redirect to the provider. */
async function beginLink(visitor: Visitor, slug = 'acme'): Promise<Page> {
  const page = await visitor.open(at('/account/linked-accounts'));
  const form = formsOf(page).find(({ action }) => action.endsWith('/link'));
  return visitor.request(form?.action ?? '', { form: { ...form?.fields, connection: slug } });
}

describe('an answer of another browser', () => {
  test('signs in nobody: not with its callback, and not with its proof', async () => {
    const [mallory, alice] = [newcomer(), newcomer()];
    it.tell(someone());
    const away = await it.press(mallory, await it.begin(mallory));
    const page = await alice.open(it.callback(away));
    expect([page.status, words(page)]).toEqual([410, expect.stringContaining('started in another browser')]);
    expect(isDone(await alice.open(at('/account')))).toBe(false);
    const address = await kept(mallory, someone());
    expect((await alice.open(address)).status).toBe(410);
    // It is still good where it began.
    expect(isDone(await mallory.open(address))).toBe(true);
  });

  test('signs in nobody in a sign-in of their own', async () => {
    const [mallory, alice] = [newcomer(), newcomer()];
    const proof = new URL(await kept(mallory, someone())).searchParams.get('proof') ?? '';
    const own = await it.begin(alice);
    const page = await alice.open(own.url.replace(/\/login$/, `/federation/return?proof=${proof}`));
    expect(isDone(page)).toBe(false);
    expect(new URL(page.url).pathname).toMatch(/\/login$/);
  });

  test('links nothing to the account of a user who is signed in', async () => {
    const [mallory, alice] = [await signInTo(it.latchkey), await signInTo(it.latchkey)];
    it.tell(someone());
    const callback = it.callback(await beginLink(mallory.visitor));
    await alice.visitor.open(callback);
    expect(await identitiesOf(it.latchkey, alice.user.email)).toEqual([]);
    expect(await identitiesOf(it.latchkey, mallory.user.email)).toEqual([]);
  });

  test('links nothing in another session of the same browser', async () => {
    const { visitor, user } = await signInTo(it.latchkey);
    it.tell(someone());
    const away = await beginLink(visitor);
    for (const [key, { name }] of visitor.jar) if (/session/.test(name)) visitor.jar.delete(key);
    await signInTo(it.latchkey);
    const other = await it.latchkey.user();
    const login = await visitor.open(at('/account'));
    const asked =
      formsOf(login)[0]?.fields['password'] === undefined ? await visitor.submit(login, { email: other.email }) : login;
    await visitor.submit(asked, { password: other.password });
    await visitor.open(it.callback(away));
    expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
    expect(await identitiesOf(it.latchkey, other.email)).toEqual([]);
  });
});

describe('an answer for something else', () => {
  test('of a sign-in links nothing, and of a link signs in nobody', async () => {
    const { visitor, user } = await signInTo(it.latchkey);
    it.tell(someone());
    const link = (await visitor.request(it.callback(await beginLink(visitor)))).location ?? '';
    const proof = new URL(link).searchParams.get('proof') ?? '';
    const signIn = await it.begin(visitor, { prompt: 'login' });
    await visitor.open(signIn.url.replace(/\/[\w-]+$/, `/federation/return?proof=${proof}`));
    const away = await it.press(visitor, await visitor.open(signIn.url.replace(/\/[\w-]+$/, '/federation')));
    const address = (await visitor.request(it.callback(away))).location ?? '';
    await visitor.open(at(`/account/linked-accounts/return?proof=${new URL(address).searchParams.get('proof') ?? ''}`));
    expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
  });

  test('at the callback of another connection is nothing', async () => {
    await it.connect('other');
    it.tell(someone());
    const visitor = newcomer();
    const away = await it.press(visitor, await it.begin(visitor));
    expect((await visitor.open(it.callback(away, 'other'))).status).toBe(410);
  });

  test.each(['', 'x', 'A'.repeat(43), "' or 1=1 --", 'A'.repeat(5000)])('the state %j is nobody’s', async (state) => {
    const page = await new Visitor().open(at(`/federation/acme/callback?${new URLSearchParams({ state }).toString()}`));
    expect(page.status).toBe(410);
  });
});

describe('an email address', () => {
  test.each([false, undefined, 'true', 'false', 1, null, [true]])(
    'that the provider calls verified with %j opens no account',
    async (verified) => {
      const user = await it.latchkey.user({ email_verified: true });
      const { page } = await arrive(someone({ email: user.email, email_verified: verified }));
      expect(new URL(page.url).pathname).toMatch(/\/create$/);
      expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
    },
  );

  test('of an account opens it only to the owner of the account', async () => {
    const user = await it.latchkey.user({ email_verified: true });
    const { visitor, page } = await arrive(someone({ email: user.email }));
    const password = await visitor.open(page.url.replace(/\/federation\/confirm$/, ''));
    const refused = await visitor.submit(password, { password: 'not the password' });
    expect(isDone(refused)).toBe(false);
    expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
  });

  test('does not lead from one subject to another one', async () => {
    const person = someone();
    await arrive(person);
    const { page } = await arrive({ ...person, sub: `${person.sub} ` });
    expect(isDone(page)).toBe(false);
    const other = await arrive({ ...person, sub: person.sub.toUpperCase() });
    expect(new URL(other.page.url).pathname).toMatch(/\/federation\/confirm$/);
  });
});

/** Sudhodanan and Paverd, "Pre-hijacked accounts" (USENIX Security 2022): the attacker was here before the owner of the address. */
describe('an account that an attacker made with the address of another user', () => {
  async function prepared(): Promise<{ email: string; user: { id: string; email: string; password: string } }> {
    const user = await it.latchkey.user({ email_verified: false });
    return { email: user.email, user };
  }

  test('is the owner’s alone: the password of the attacker is gone', async () => {
    const { email, user } = await prepared();
    expect(isDone((await arrive(someone({ email }))).page)).toBe(true);
    const attacker = newcomer();
    const asked = await attacker.submit(await it.begin(attacker), { email });
    expect(isDone(await attacker.submit(asked, { password: user.password }))).toBe(false);
    expect(await eventsOf(it.latchkey, user)).toEqual(
      expect.arrayContaining(['user.email_verified', 'user.identity_linked']),
    );
  });

  test('keeps no session of the attacker', async () => {
    const { email, user } = await prepared();
    const attacker = await signInTo(it.latchkey, user);
    expect(isDone((await arrive(someone({ email }))).page)).toBe(true);
    expect(new URL((await attacker.visitor.open(at('/account'))).url).pathname).not.toBe('/account');
  });

  test('keeps no identity of the attacker', async () => {
    const { email, user } = await prepared();
    await it.latchkey.app.database.sql(
      `insert into user_identity (connection, issuer, subject, user_id, created_at)
       select 'acme', $1, 'attacker', id, now() from users where email_canonical = $2`,
      [it.upstream.url, user.email],
    );
    expect(isDone((await arrive(someone({ email }))).page)).toBe(true);
    expect(await identitiesOf(it.latchkey, email)).toMatchObject([{ name: email }]);
    const { page } = await arrive(someone({ sub: 'attacker', email: null }));
    expect(isDone(page)).toBe(false);
  });

  test('keeps no address of the attacker', async () => {
    const { email, user } = await prepared();
    await it.latchkey.app.database.sql(
      `insert into contact (id, user_id, kind, value, canonical, verified_at, created_at)
       select gen_random_uuid(), id, 'email', 'mallory@evil.example', 'mallory@evil.example', now(), now() from users where email_canonical = $1`,
      [user.email],
    );
    expect(isDone((await arrive(someone({ email }))).page)).toBe(true);
    expect(
      await it.latchkey.app.database.sql(`select 1 from contact where canonical = 'mallory@evil.example'`),
    ).toEqual([]);
  });

  test('keeps no sign-in that the attacker has begun', async () => {
    const { email, user } = await prepared();
    const attacker = newcomer();
    const asked = await attacker.submit(await it.begin(attacker), { email });
    expect(isDone((await arrive(someone({ email }))).page)).toBe(true);
    expect(isDone(await attacker.submit(asked, { password: user.password }))).toBe(false);
  });
});

describe('an identity of another user', () => {
  test('is not taken by a link', async () => {
    const person = someone();
    await arrive(person);
    const { visitor, user } = await signInTo(it.latchkey);
    it.tell(person);
    const page = await visitor.open(it.callback(await beginLink(visitor)));
    expect(words(page)).toContain('This account is already linked');
    expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
    expect(await identitiesOf(it.latchkey, person.email)).toMatchObject([{ subject: person.sub }]);
  });

  test('is not unlinked', async () => {
    const person = someone();
    const { visitor: owner } = await arrive(person);
    const id = formsOf(await owner.open(at('/account/linked-accounts'))).find(({ action }) =>
      action.endsWith('/unlink'),
    )?.fields['account'];
    expect(id).toMatch(/^[\w-]{20,}/);
    const { visitor } = await signInTo(it.latchkey);
    await send(visitor, at('/account/linked-accounts/unlink'), { account: id ?? '' });
    expect(await identitiesOf(it.latchkey, person.email)).toHaveLength(1);
  });
});

describe('a connection that is closed in the middle', () => {
  test.each([
    ['disabled', () => it.latchkey.run('connections.update', { connection: 'closing', enabled: false })],
    ['deleted', () => it.latchkey.run('connections.delete', { connection: 'closing' })],
  ])('signs in nobody once it is %s', async (_how, close) => {
    await it.latchkey.run('connections.delete', { connection: 'closing' }).catch(() => undefined);
    await it.connect('closing');
    const [person, visitor] = [someone(), newcomer()];
    it.tell(person);
    const away = await it.press(visitor, await it.begin(visitor), 'closing');
    await close();
    const page = await visitor.open(it.callback(away, 'closing'));
    expect(isDone(page)).toBe(false);
    expect(await findUser(it.latchkey, person.email)).toBeUndefined();
  });

  test('and made once more under its name signs in no user of before', async () => {
    await it.connect('again');
    const [person, visitor] = [someone(), newcomer()];
    it.tell(person);
    expect(isDone(await it.pass(visitor, await it.begin(visitor), 'again'))).toBe(true);
    await it.latchkey.run('connections.delete', { connection: 'again' });
    await it.connect('again', { creates_users: false });
    const next = newcomer();
    expect(isDone(await it.pass(next, await it.begin(next), 'again'))).toBe(false);
  });

  test('an account that is disabled while its user is at the provider is not signed in', async () => {
    const person = someone();
    await arrive(person);
    const visitor = newcomer();
    const address = await kept(visitor, person);
    await it.latchkey.run('users.disable', { user_id: await idOf(person.email) });
    expect(isDone(await visitor.open(address))).toBe(false);
  });
});

describe('a hostile profile', () => {
  test.each([
    ['a subject that is a number', { sub: 7 }],
    ['no subject', { sub: undefined }],
    ['an empty subject', { sub: '' }],
    ['a subject of many letters', { sub: 'x'.repeat(300) }],
  ])('with %s signs in nobody', async (_what, claims) => {
    const { page } = await arrive({ ...someone(), ...claims });
    expect(page.status).toBe(403);
  });

  test('with a name of many letters and addresses of pictures makes an account without them', async () => {
    const hostile = { picture: 'javascript:alert(1)', locale: '../../', groups: Array(1000).fill('x') };
    const person = someone({ name: 'N'.repeat(20_000), ...hostile });
    const { page } = await arrive(person);
    expect(isDone(page)).toBe(true);
    const { profile } = (await findUser(it.latchkey, person.email)) as { profile: object };
    expect(profile).toEqual({ locale: 'en' });
  });
});
