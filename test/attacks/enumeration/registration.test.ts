/** A stranger who creates an account learns nothing about existing accounts, or about open registrations. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Look, look } from '../../support/looks.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { begin, createRequest, newcomer, ownNetworks, strong } from '../../support/registration.ts';

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;
const known = {
  active: 'known-aa@example.com',
  unproven: 'known-ab@example.com',
  disabled: 'known-ac@example.com',
  'without a password': 'known-ad@example.com',
  'begun in another browser': 'known-ae@example.com',
  invited: 'known-af@example.com',
  waiting: 'known-ag@example.com',
};
const unknown = 'known-ah@example.com';

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, ...ownNetworks } });
  client = await latchkey.client();
  await latchkey.user({ email: known.active, email_verified: true });
  await latchkey.user({ email: known.unproven });
  const disabled = await latchkey.user({ email: known.disabled, email_verified: true });
  await latchkey.run('users.disable', { user_id: disabled.id });
  await latchkey.run('users.create', { email: known['without a password'] });
  await begin(newcomer(), createRequest(latchkey, client), filled(known['begun in another browser']));
  await latchkey.run('invitations.create', { email: known.invited });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const filled = (email: string) => ({ name: 'Noor', email, password: strong });

/** Every page from the form on: sent, a wrong code, another mail, wrong codes until no more are looked at. */
async function walk(email: string): Promise<Look[]> {
  const visitor = newcomer();
  const seen: Look[] = [];
  let page = await begin(visitor, createRequest(latchkey, client), filled(email));
  seen.push(look(page, email));
  seen.push(look((page = await visitor.submit(page, { code: '000000' })), email));
  seen.push(look((page = await visitor.submit(page, {}, 'resend')), email));
  for (let i = 0; i < 6; i += 1) seen.push(look((page = await visitor.submit(page, { code: '000000' })), email));
  const link = `${page.url.replace(/check.*$/, 'link/')}${'A'.repeat(43)}`;
  seen.push(look(await visitor.open(link), email));
  seen.push(look(await visitor.open(page.url.replace(/\/check.*$/, '')), email));
  return seen;
}

describe('status, headers, cookies and words of every response', () => {
  let stranger: Look[];
  beforeAll(async () => {
    stranger = await walk(unknown);
  });

  test.each(Object.entries(known))('are the same for an address that is %s as for a free one', async (_what, email) => {
    const seen = await walk(email);
    expect(seen.map(({ status, isRefused }) => (isRefused ? 'refused' : status))).toEqual([
      200,
      'refused',
      // Says when another code was sent, once, as a refused form says what is wrong.
      'refused',
      ...Array.from({ length: 6 }, () => 'refused'),
      410,
      200,
    ]);
    expect(seen).toEqual(stranger);
  });
});

test('hashes a password once, for a known and for a free address', async () => {
  const hashing = vi.spyOn(latchkey.app.credentials.hashing, 'run');
  const counts: number[] = [];
  for (const email of ['known-ba@example.com', known.active, known.disabled]) {
    hashing.mockClear();
    await begin(newcomer(), createRequest(latchkey, client), filled(email));
    counts.push(hashing.mock.calls.length);
  }
  hashing.mockRestore();
  expect(counts).toEqual([1, 1, 1]);
});

test('mails the stored address, and each address at most three times in a quarter of an hour', async () => {
  const owner = await latchkey.user({ email: 'Known-Ca@example.com', email_verified: true });
  for (let i = 0; i < 6; i += 1)
    expect((await begin(newcomer(), createRequest(latchkey, client), filled('kNOWN-ca@EXAMPLE.com'))).status).toBe(200);
  for (const trick of ['known-ca@examp\u0142e.com', '\uff4bnown-ca@example.com', 'known-ca@example.com\u0000'])
    await begin(newcomer(), createRequest(latchkey, client), filled(trick)).catch(() => undefined);
  // An address that only looks like it is another one, and gets its own mail.
  const theirs = async () => (await mails.all()).filter(({ to }) => to === owner.email);
  await expect.poll(async () => (await theirs()).length).toBe(3);
  expect((await mails.all()).filter(({ to }) => to.toLowerCase() === 'known-ca@example.com')).toHaveLength(3);
});

test('the waitlist gives the same response for every address', async () => {
  await latchkey.run('settings.update', { name: 'registration.mode', value: '"waitlist"' });
  const seen = new Map<string, Look[]>();
  for (const email of ['known-da@example.com', known.active, known.disabled, known.invited]) {
    const visitor = newcomer();
    let page = await visitor.submit(await visitor.open(`${latchkey.base}/waitlist`), { name: 'Noor', email });
    const looks = [look(page, email)];
    looks.push(look((page = await visitor.submit(page, { code: '000000' })), email));
    looks.push(look(await visitor.submit(page, {}, 'resend'), email));
    seen.set(email, looks);
  }
  const [free, ...others] = seen.values();
  expect(free!.map(({ isRefused }) => isRefused)).toEqual([false, true, true]);
  expect(free![2]!.body).toContain('Sent again');
  for (const looks of others) expect(looks).toEqual(free);
});
