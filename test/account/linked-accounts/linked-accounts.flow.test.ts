/** Linked accounts on the account page: linking, signing in with them, unlinking. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { eventsOf, signInTo, travel } from '../../support/account.ts';
import { type Federation, identitiesOf, someone, startFederation } from '../../support/federation.ts';
import { newcomer } from '../../support/registration.ts';
import { formsOf, type Page, type Visitor } from '../../support/visitor.ts';

let it: Federation;
beforeAll(async () => {
  it = await startFederation();
});
afterAll(() => it.close());
afterEach(() => void vi.useRealTimers());

const PAGE = '/account/linked-accounts';
const at = (path: string) => `${it.latchkey.base}${path}`;
const words = ({ text }: Page): string => text.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');
const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;

/** Presses the button of the provider: the redirect there. */
async function begin(visitor: Visitor, slug = 'acme'): Promise<Page> {
  const form = formsOf(await visitor.open(at(PAGE))).find(({ action }) => action.endsWith('/link'));
  return visitor.request(form?.action ?? '', { form: { ...form?.fields, connection: slug } });
}
async function link(visitor: Visitor, person: Record<string, unknown>): Promise<Page> {
  it.tell(person);
  return visitor.open(it.callback(await begin(visitor)));
}

test('a user links an account, signs in with it, and unlinks it', async () => {
  const { visitor, user } = await signInTo(it.latchkey);
  expect(words(await visitor.open(at('/account/security')))).toContain('Linked accounts');
  const person = someone();
  const page = await link(visitor, person);
  expect(page.url).toContain('done=linked');
  expect(words(page)).toContain(`Acme · ${person.email}`);
  expect((await it.mails.next(user.email, /linked/)).text).toContain('Acme');
  const other = newcomer();
  expect(isDone(await it.pass(other, await it.begin(other)))).toBe(true);
  expect(words(await visitor.open(at('/account/security')))).toContain(`Acme · ${person.email}`);
  const unlinked = await visitor.submit(await visitor.open(at(PAGE)), {}, 'remove');
  expect(words(unlinked)).toContain('No linked accounts.');
  expect((await it.mails.next(user.email, /removed/)).text).toContain('Acme');
  expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
  expect(await eventsOf(it.latchkey, user)).toEqual(
    expect.arrayContaining(['user.identity_linked', 'user.identity_unlinked']),
  );
  // The browser that had signed in with it is signed out, and this one is not.
  expect(new URL((await other.open(at('/account'))).url).pathname).not.toBe('/account');
  expect((await visitor.open(at('/account'))).status).toBe(200);
});

test('linking needs a proof of the last five minutes, and the answer does not', async () => {
  const { visitor, user } = await signInTo(it.latchkey);
  it.tell(someone());
  const away = await begin(visitor);
  travel(6 * MINUTE);
  expect((await visitor.open(it.callback(away))).url).toContain('done=linked');
  const again = await begin(visitor);
  expect(new URL(again.location ?? '').pathname).toBe('/oidc/auth');
  expect(await identitiesOf(it.latchkey, user.email)).toHaveLength(1);
});

test('the page of a browser without a session is the sign-in', async () => {
  const page = await newcomer().open(at(`${PAGE}/return?proof=${'A'.repeat(43)}`));
  expect(new URL(page.url).pathname).toMatch(/\/interaction\//);
});

test('the same account twice is linked once', async () => {
  const { visitor, user } = await signInTo(it.latchkey);
  const person = someone();
  await link(visitor, person);
  expect((await link(visitor, person)).url).toContain('done=linked');
  expect(await identitiesOf(it.latchkey, user.email)).toHaveLength(1);
});

test('a user who turns back there sees it, and an answer is used once', async () => {
  const { visitor, user } = await signInTo(it.latchkey);
  const callback = new URL(it.callback(await begin(visitor)));
  callback.searchParams.set('error', 'access_denied');
  callback.searchParams.delete('code');
  expect(words(await visitor.open(callback.href))).toContain('You cancelled signing in with Acme.');
  it.tell(someone());
  const kept = (await visitor.request(it.callback(await begin(visitor)))).location ?? '';
  await visitor.open(kept);
  expect((await visitor.open(kept)).url).toBe(at(PAGE));
  expect(await identitiesOf(it.latchkey, user.email)).toHaveLength(1);
});

test('a provider that is unknown or does not answer is no way to link', async () => {
  const { visitor } = await signInTo(it.latchkey);
  expect(words(await visitor.follow(await begin(visitor, 'unknown')))).toContain('isn’t responding right now');
});

test('the last way in cannot be unlinked', async () => {
  await it.latchkey.run('settings.update', { name: 'signIn.methods', value: '["password","federation"]' });
  const visitor = newcomer();
  const person = someone();
  it.tell(person);
  expect(isDone(await it.pass(visitor, await it.begin(visitor)))).toBe(true);
  const page = await visitor.submit(await visitor.open(at(PAGE)), {}, 'remove');
  expect(words(page)).toContain('This is your only way to sign in');
  expect(await identitiesOf(it.latchkey, person.email)).toHaveLength(1);
  // A second one is enough.
  await link(visitor, someone());
  const second = await visitor.submit(await visitor.open(at(PAGE)), {}, 'remove');
  expect(second.url).toContain('done=removed');
  // While its connection is closed, an identity is no way in, and a password keeps the account open.
  const { visitor: owner, user } = await signInTo(it.latchkey);
  await link(owner, someone());
  await it.latchkey.run('connections.update', { connection: 'acme', enabled: false });
  expect((await owner.submit(await owner.open(at(PAGE)), {}, 'remove')).url).toContain('done=removed');
  expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
});
