/** The box "Keep me signed in" before a user leaves for a provider: it comes back with the sign-in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromUuid } from '#kernel/ids.ts';
import { type Federation, someone, startFederation } from '../../support/federation.ts';
import { realmOf } from '../../support/realms.ts';
import { newcomer } from '../../support/registration.ts';
import { formsOf, type Page, type Visitor } from '../../support/visitor.ts';

let it: Federation;
beforeAll(async () => {
  it = await startFederation();
  await it.latchkey.run('connections.update', { connection: 'acme', links_by_email: true });
});
afterAll(() => it.close());

const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
const hasBox = ({ text }: Page): boolean => text.includes('name="remember"');
const isTicked = ({ text }: Page): boolean => /name="remember"[^>]* checked/.test(text);
const BOX = { remember: '1' };

/** Presses the button of a connection, with the box as it is or ticked. */
async function press(visitor: Visitor, page: Page, box: Record<string, string>, slug = 'acme'): Promise<Page> {
  const form = formsOf(page).find(({ action }) => action.endsWith(`/federation/${slug}`));
  return visitor.request(form?.action ?? '', { form: { ...form?.fields, ...box, action: 'federation' } });
}
/** Whether the session of a user was to last. */
async function isKept(email: string): Promise<boolean> {
  const [user] = await it.latchkey.app.database.sql<{ id: string }>('select id from users where email_canonical = $1', [
    email,
  ]);
  const [session] = await it.latchkey.app.database.sql<{ payload: { transient?: boolean } }>(
    `select payload from oidc_artifact where kind = 'Session' and payload->>'accountId' = $1 order by expires_at desc limit 1`,
    [fromUuid('usr', user?.id ?? '')],
  );
  expect(session?.payload).toMatchObject({ accountId: fromUuid('usr', user?.id ?? '') });
  await it.latchkey.app.database.sql(`delete from oidc_artifact where kind = 'Session'`);
  return session?.payload.transient !== true;
}
/** Goes on from the address with the code to where the session is written. */
async function arrive(visitor: Visitor, away: Page, person: Record<string, unknown>, slug = 'acme'): Promise<Page> {
  it.tell(person);
  return visitor.open(it.callback(away, slug));
}

describe('the box on the page for the address', () => {
  test.each([
    [BOX, true],
    [{}, false],
  ])('goes with the button of a provider: %j', async (box, kept) => {
    const [visitor, person] = [newcomer(), someone()];
    const page = await it.begin(visitor);
    expect([hasBox(page), isTicked(page)]).toEqual([true, false]);
    expect(isDone(await arrive(visitor, await press(visitor, page, box), person))).toBe(true);
    expect(await isKept(person.email)).toBe(kept);
  });

  test.each([
    [BOX, true],
    [{}, false],
  ])('goes with an address that leads to a provider: %j', async (box, kept) => {
    const acme = await realmOf(it);
    const [visitor, person] = [newcomer(), someone()];
    const email = `${person.sub}@${acme.domain}`;
    const away = await visitor.submit(await it.begin(visitor), { email, ...box });
    expect(isDone(await arrive(visitor, away, { ...person, email }, acme.connection))).toBe(true);
    expect(await isKept(email)).toBe(kept);
  });

  test('goes with an address to the password, whose page has no second box', async () => {
    const user = await it.latchkey.user({ email_verified: true });
    for (const [box, kept] of [
      [BOX, true],
      [{}, false],
    ] as const) {
      const visitor = newcomer();
      const page = await visitor.submit(await it.begin(visitor), { email: user.email, ...box });
      expect([pathOf(page), hasBox(page)]).toEqual(['/password', false]);
      expect(isDone(await visitor.submit(page, { password: user.password }))).toBe(true);
      expect(await isKept(user.email)).toBe(kept);
    }
  });

  test('goes through the proof of an account of before, to which the identity is linked', async () => {
    const user = await it.latchkey.user({ email_verified: true });
    const visitor = newcomer();
    const away = await press(visitor, await it.begin(visitor), BOX);
    const confirm = await arrive(visitor, away, someone({ email: user.email }));
    expect(pathOf(confirm)).toBe('/federation/confirm');
    const password = await visitor.open(confirm.url.replace(/\/federation\/confirm$/, ''));
    expect(hasBox(password)).toBe(false);
    expect(isDone(await visitor.submit(password, { password: user.password }))).toBe(true);
    expect(await isKept(user.email)).toBe(true);
  });

  test('is as it was left for a user who turns back, or leaves the field empty', async () => {
    const visitor = newcomer();
    const empty = await visitor.submit(await it.begin(visitor), { email: '', ...BOX });
    expect(isTicked(empty)).toBe(true);
    const callback = new URL(it.callback(await press(visitor, empty, BOX)));
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'access_denied');
    const back = await visitor.open(callback.href);
    expect([pathOf(back), isTicked(back)]).toEqual(['/login', true]);
    const person = someone();
    expect(isDone(await arrive(visitor, await press(visitor, back, {}), person))).toBe(true);
    expect(await isKept(person.email)).toBe(false);
  });
});

describe('the box on the page with the buttons of a domain', () => {
  test('is there where no page before had it', async () => {
    const acme = await realmOf(it);
    const second = `${acme.connection}-2`;
    await it.connect(second, { organization_id: acme.id });
    const [visitor, person] = [newcomer(), someone()];
    const page = await it.begin(visitor, { domain_hint: acme.domain });
    expect([hasBox(page), isTicked(page)]).toEqual([true, false]);
    const email = `${person.sub}@${acme.domain}`;
    const away = await press(visitor, page, BOX, second);
    expect(isDone(await arrive(visitor, away, { ...person, email }, second))).toBe(true);
    expect(await isKept(email)).toBe(true);
    const typed = newcomer();
    expect(hasBox(await typed.submit(await it.begin(typed), { email }))).toBe(false);
  });

  test('is ticked in a browser that remembers the account', async () => {
    const [visitor, person] = [newcomer(), someone()];
    await arrive(visitor, await press(visitor, await it.begin(visitor), BOX), person);
    expect(await isKept(person.email)).toBe(true);
    for (const [key, { name }] of visitor.jar) if (/session/.test(name)) visitor.jar.delete(key);
    const page = await it.begin(visitor);
    expect([pathOf(page), isTicked(page)]).toEqual(['/federation/acme', true]);
    expect(isDone(await arrive(visitor, await press(visitor, page, {}), person))).toBe(true);
    expect(await isKept(person.email)).toBe(false);
    for (const [key, { name }] of visitor.jar) if (/session/.test(name)) visitor.jar.delete(key);
    expect(pathOf(await it.begin(visitor))).toBe('/login');
  });
});

test('an instance without providers has the box on the page for the password alone', async () => {
  await it.latchkey.run('settings.update', { name: 'signIn.methods', value: '["password"]' });
  const visitor = newcomer();
  const page = await it.begin(visitor);
  expect(hasBox(page)).toBe(false);
  expect(hasBox(await visitor.submit(page, { email: 'nobody@example.com' }))).toBe(true);
  await it.latchkey.run('settings.update', { name: 'signIn.methods', value: '["password","federation"]' });
});
