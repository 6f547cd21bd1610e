import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { toUuid } from '#kernel/ids.ts';
import { instance } from '#settings/module.ts';
import type { UserId } from '#directory/users/module.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';

const breachedPassword = 'granite otter lantern';
const digest = createHash('sha1').update(breachedPassword).digest('hex').toUpperCase();
const service = createServer((_req, res) => void res.end(`${digest.slice(5)}:3`));
let latchkey: TestApp;

beforeAll(async () => {
  await new Promise<void>((resolve) => void service.listen(0, '127.0.0.1', resolve));
  const { port } = service.address() as AddressInfo;
  latchkey = await startTestApp({
    env: { OUTBOUND_ALLOW: '127.0.0.1' },
    settings: { 'password.breachUrl': `http://127.0.0.1:${port}/` },
  });
});
afterAll(async () => {
  await latchkey.close();
  service.closeAllConnections();
  service.close();
});
afterEach(async () => {
  for (const name of ['password.minimumLength', 'mfa.enforcement', 'mfa.graceDays', 'password.history'])
    await set(name, null);
});

const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });
const owner = (user: TestUser) => ({ userId: user.id as UserId, email: user.email });
const stranger = { userId: null, email: 'noor@fernway.example', name: 'Noor Haddad' };
const check = (password: string, who: Parameters<TestApp['app']['passwords']['check']>[1] = stranger) =>
  latchkey.app.passwords.check(password, who);

async function change(user: TestUser, password: string): Promise<string> {
  const prepared = await latchkey.app.passwords.prepare(password, owner(user));
  if (prepared.kind === 'refused') return prepared.problem.kind;
  await latchkey.app.database.transaction((em) => prepared.save(em, user.id as UserId));
  return 'saved';
}

describe('the minimum length', () => {
  test.each([
    ['fifteen', {}, 15],
    ['fifteen where a second factor is only offered', { 'mfa.enforcement': 'optional' }, 15],
    ['eight where everybody has a second factor', { 'mfa.enforcement': 'required' }, 8],
    ['fifteen as long as some may put that off', { 'mfa.enforcement': 'required', 'mfa.graceDays': 3 }, 15],
    ['what the operator says', { 'mfa.enforcement': 'required', 'password.minimumLength': 20 }, 20],
  ])('is %s', async (_what, settings, minimum) => {
    for (const [name, value] of Object.entries(settings)) await set(name, value);
    expect(latchkey.app.passwords.rules(instance).minimumLength).toBe(minimum);
    expect(await check('x'.repeat(minimum - 1))).toEqual({ kind: 'too_short', minimum });
  });
});

describe('a password', () => {
  test.each([
    ['of the own name', 'Noor Haddad 2026!'],
    ['of the own address', 'fernway-fernway-noor'],
    ['of the product', 'Latchkey-Latchkey'],
  ])('%s is refused', async (_what, password) => {
    expect(await check(password)).toMatchObject({ kind: 'common' });
  });

  test('with a word that the operator blocks is refused', async () => {
    expect(await check('zanzibar-zanzibar')).not.toMatchObject({ advice: ['userInputs'] });
    await set('password.blockedWords', ['zanzibar']);
    expect(await check('zanzibar-zanzibar')).toEqual({ kind: 'common', score: 0, advice: ['userInputs'] });
  });

  test('from a breach is refused if the policy asks for it, also when an operator sets it', async () => {
    expect(await check(breachedPassword)).toBeNull();
    await set('password.breachCheck', true);
    expect(await check(breachedPassword)).toEqual({ kind: 'breached' });
    await expect(latchkey.user({ password: breachedPassword })).rejects.toThrow('credentials.password_breached');
    await set('password.breachCheck', false);
  });
});

describe('previous passwords', () => {
  const kept = async ({ id }: TestUser) =>
    (await latchkey.app.database.sql('select 1 from password_history where user_id = $1', [toUuid(id as UserId)]))
      .length;

  test('the present one is refused, an older one may be set again', async () => {
    const user = await latchkey.user();
    expect(await change(user, user.password)).toBe('reused');
    expect(await change(user, 'granite otter lantern 1')).toBe('saved');
    expect(await change(user, user.password)).toBe('saved');
    expect(await kept(user)).toBe(0);
  });

  test('stay refused in the number of the policy, and no more hashes are stored', async () => {
    await set('password.history', 3);
    const user = await latchkey.user();
    const passwords = ['granite otter lantern 1', 'granite otter lantern 2', 'granite otter lantern 3'];
    for (const password of passwords) expect(await change(user, password)).toBe('saved');
    for (const password of passwords) expect(await change(user, password)).toBe('reused');
    expect(await kept(user)).toBe(2);
    expect(await change(user, user.password)).toBe('saved');
    await set('password.history', 1);
    expect(await change(user, 'granite otter lantern 4')).toBe('saved');
    expect(await kept(user)).toBe(0);
  });

  test('include the hash of another system', async () => {
    await set('password.history', 2);
    const user = await latchkey.user();
    await latchkey.app.database.sql(`update password_credential set hash = $1, scheme = 'ldap' where user_id = $2`, [
      `{SHA}${createHash('sha1').update('an old password of theirs').digest('base64')}`,
      toUuid(user.id as UserId),
    ]);
    expect(await change(user, 'an old password of theirs')).toBe('reused');
    expect(await change(user, 'granite otter lantern 5')).toBe('saved');
    expect(await change(user, 'an old password of theirs')).toBe('reused');
  });

  test('may all be set again if the history is zero', async () => {
    await set('password.history', 0);
    const user = await latchkey.user();
    expect(await change(user, user.password)).toBe('saved');
  });
});
