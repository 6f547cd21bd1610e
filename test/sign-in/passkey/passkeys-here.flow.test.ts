/** A browser in which a passkey was made: there it comes first once the address is typed, and nowhere else. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import { signInTo, travel } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { optionsOn, passkeyVisits } from '../../support/passkey-visits.ts';
import { type Page, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let visits: ReturnType<typeof passkeyVisits>;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  client = await latchkey.client({ first_party: true });
  visits = passkeyVisits(latchkey, client);
});
afterAll(() => latchkey.close());
afterEach(() => void vi.useRealTimers());

const at = (path: string) => `${latchkey.base}${path}`;
const pageName = ({ url }: Page) => new URL(url).pathname.split('/').slice(3).join('/');
/** Signed out, with what the browser keeps for the next sign-in. */
const closed = (visitor: Visitor): Visitor => {
  for (const [key, { name }] of visitor.jar) if (!/device|remembered|passkeys-here/.test(name)) visitor.jar.delete(key);
  return visitor;
};
const typed = async (visitor: Visitor, email: string): Promise<Page> =>
  visitor.submit(await visitor.open(visits.start()), { email });
/** A page without the parts that belong to one sign-in and one address. */
const bytesOf = ({ text }: Page, email: string): string =>
  text
    .replaceAll(email.split('@')[0]!, 'LOCAL')
    .replaceAll(email.split('@')[1]!, 'DOMAIN')
    .replaceAll(/name="csrf" value="[^"]*"|data-options="[^"]*"|<span class="face"[^>]*>[^<]*<|[\w+/=-]{16,}/g, '');

/** On the account page of a user who signed in by password and is not to be kept signed in. */
async function makePasskey(user?: TestUser, authenticator = new Authenticator()) {
  const person = await signInTo(latchkey, user);
  const asked = await person.visitor.open(at('/account/passkeys/new'));
  const credential = authenticator.create(optionsOn(asked), latchkey.base);
  expect((await person.visitor.submit(asked, { credential })).url).toContain('done=saved');
  return { ...person, authenticator };
}

describe('after a passkey was made on the account page', () => {
  test('it comes first in this browser, with the other ways behind it, and signs in', async () => {
    const { visitor, user, authenticator } = await makePasskey();
    const page = await typed(closed(visitor), user.email.toUpperCase());
    expect(pageName(page)).toBe('passkey');
    for (const text of ['Use your password', 'Sign in by email']) expect(page.text).toContain(text);
    expect((await visits.answer(visitor, page, authenticator)).location).toContain('code=');
    expect(pageName(await typed(closed(visitor), user.email))).toBe('passkey');
  });

  test('in another browser passkey and email are equal buttons on the page of every address', async () => {
    const { user } = await makePasskey();
    const page = await typed(new Visitor(), user.email);
    expect(pageName(page)).toBe('password');
    for (const way of ['passkey', 'email-code'])
      expect(page.text).toMatch(new RegExp(`<a class="btn full" href="/interaction/[^"]+/${way}">`));
  });

  test('another address typed in this browser is asked for its password', async () => {
    const { visitor } = await makePasskey();
    for (const email of [(await latchkey.user()).email, 'nobody@fernway.example'])
      expect(pageName(await typed(closed(visitor), email))).toBe('password');
  });

  test('it is forgotten with the last passkey, by the setting, and after half a year', async () => {
    const { visitor, user, authenticator } = await makePasskey();
    await latchkey.run('settings.update', { name: 'signIn.rememberAccounts', value: 'false' });
    expect(pageName(await typed(closed(visitor), user.email))).toBe('password');
    await latchkey.run('settings.update', { name: 'signIn.rememberAccounts', value: 'true' });
    expect(pageName(await typed(visitor, user.email))).toBe('passkey');
    travel(181 * DAY);
    expect(pageName(await typed(closed(visitor), user.email))).toBe('password');
    vi.useRealTimers();
    const page = await visits.answer(visitor, await typed(closed(visitor), user.email), authenticator);
    expect(page.location).toContain('code=');
    const security = await visitor.open(at('/account/security'));
    const one = await visitor.open(at(/\/account\/passkeys\/psk_\w+/.exec(security.text)![0]));
    expect((await visitor.submit(one, {}, 'remove')).url).toContain('done=removed');
    expect(pageName(await typed(closed(visitor), user.email))).toBe('password');
  });
});

test('a passkey that was made in a sign-in comes first in its browser', async () => {
  const [user, visitor] = [await latchkey.user(), new Visitor()];
  const page = await visits.afterPassword(visitor, user);
  await visitor.submit(page, { credential: new Authenticator().create(optionsOn(page), latchkey.base) });
  expect(pageName(await typed(closed(visitor), user.email))).toBe('passkey');
});

test('a passkey that was only used in a browser comes first there if the sign-in was to be kept', async () => {
  const { user, authenticator } = await makePasskey();
  for (const [remember, first] of [
    [{}, 'password'],
    [{ remember: '1' }, 'passkey'],
  ] as const) {
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor, user.email);
    const credential = authenticator.get(optionsOn(page), latchkey.base, {});
    expect((await visitor.submit(page, { credential, ...remember })).location).toContain('code=');
    const again = await visitor.open(visits.start());
    expect(again.status).toBeLessThan(400);
    expect(pageName(await typed(forgetting(visitor), user.email))).toBe(first);
  }
});
/** As `closed`, without the accounts that the browser remembers. */
const forgetting = (visitor: Visitor): Visitor => {
  for (const [key, { name }] of closed(visitor).jar) if (name.includes('remembered')) visitor.jar.delete(key);
  return visitor;
};

describe('no page tells of accounts', () => {
  test('a browser without a passkey gets the same page for an account with one, without one, disabled, and none', async () => {
    const { user } = await makePasskey();
    const disabled = await makePasskey();
    await latchkey.run('users.disable', { user_id: disabled.user.id });
    const emails = [user.email, (await latchkey.user()).email, disabled.user.email, 'none-at-all@fernway.example'];
    const pages = [];
    for (const email of emails) pages.push(bytesOf(await typed(new Visitor(), email), email));
    expect(new Set(pages).size).toBe(1);
  });

  test('a browser with a passkey gets the same page after the account was disabled, and after it was deleted', async () => {
    const { visitor, user } = await makePasskey();
    const shown = async () => bytesOf(await typed(closed(visitor), user.email), user.email);
    const before = await shown();
    expect(before).toContain('passkey');
    await latchkey.run('users.disable', { user_id: user.id });
    expect(await shown()).toBe(before);
    await latchkey.app.database.sql('delete from users where id = $1 or email = $2', [null, user.email]);
    expect(await shown()).toBe(before);
  });

  test('the cookie is sealed, names no address, and opens in no other browser', async () => {
    const { visitor, user } = await makePasskey();
    const [key, cookie] = [...visitor.jar].find(([, { name }]) => name.includes('passkeys-here'))!;
    expect(decodeURIComponent(cookie.value)).not.toContain(user.email.split('@')[0]);
    const thief = new Visitor();
    await thief.open(visits.start());
    thief.jar.set(key, cookie);
    expect(pageName(await typed(thief, user.email))).toBe('password');
    visitor.jar.set(key, { ...cookie, value: `${cookie.value.slice(0, -4)}AAAA` });
    expect(pageName(await typed(closed(visitor), user.email))).toBe('password');
  });
});
