import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';
import { by, openSecondFactors } from '../../support/second-factors.ts';

let world: Awaited<ReturnType<typeof openSecondFactors>>;
let factors: ReturnType<typeof world.factors>;
beforeAll(async () => {
  world = await openSecondFactors();
  factors = world.factors();
});
afterAll(() => world.database.close());

const { visitor } = by;
const trusted = async (user: Parameters<typeof factors.trustedDevices.trust>[0], before?: string) =>
  (await factors.trustedDevices.trust(user, before, by)) ?? '';

const hasTrust = async (user: { id: UserId }, trustSecret: string | undefined, by = factors): Promise<boolean> =>
  (await by.secondFactorOverviews.find(user.id, { trustSecret })).hasTrust;

describe('a trusted browser', () => {
  test('is identified by a secret of 256 bits; the database stores the hash', async () => {
    const user = await world.person();
    const secret = await trusted(user);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    const rows = await world.database.sql('select * from trusted_device where user_id = $1', [toUuid(user.id)]);
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(await hasTrust(user, secret)).toBe(true);
    expect(await world.events(user)).toEqual(['user.device_trusted']);
  });

  test.each<[string, { days?: number; wait?: number }, boolean]>([
    ['for thirty days', { wait: 30 * DAY - 1 }, true],
    ['not a moment longer', { wait: 30 * DAY }, false],
    ['not longer than a setting that was lowered since', { wait: 8 * DAY, days: 7 }, false],
    ['not where trust was switched off since', { days: 0 }, false],
  ])('is trusted %s', async (_what, { days = 30, wait = 0 }, isTrusted) => {
    const user = await world.person();
    const secret = await trusted(user);
    world.clock.advance(wait);
    const later = world.factors({ mfa: { trustDays: days } });
    expect(await hasTrust(user, secret, later)).toBe(isTrusted);
    expect(await later.trustedDevices.list(user.id)).toHaveLength(isTrusted ? 1 : 0);
  });

  test('is refused in another account, and so is any other value', async () => {
    const [user, other] = [await world.person(), await world.person()];
    const secret = await trusted(user);
    expect(await hasTrust(other, secret)).toBe(false);
    for (const planted of [undefined, '', 'x'.repeat(43), `${secret}x`])
      expect(await hasTrust(user, planted)).toBe(false);
  });

  test('never belongs to an administrator', async () => {
    const admin = await world.person(['administrator']);
    expect(await factors.trustedDevices.trust(admin, undefined, by)).toBeNull();
  });

  test('gets a new secret each time: a planted one is useless, and two users may share the browser', async () => {
    const [user, other] = [await world.person(), await world.person()];
    const first = await trusted(user);
    const second = await trusted(other, first);
    expect(second).not.toBe(first);
    expect(await hasTrust(user, first)).toBe(false);
    expect(await hasTrust(user, second)).toBe(true);
    expect(await hasTrust(other, second)).toBe(true);
    const third = await trusted(other, second);
    expect(await factors.trustedDevices.list(other.id)).toHaveLength(1);
    expect(await hasTrust(user, third)).toBe(true);
  });

  test('is listed with its last place, and removed by its owner only', async () => {
    const [user, other] = [await world.person(), await world.person()];
    const secret = await trusted(user);
    world.clock.advance(DAY);
    await factors.trustedDevices.noteUse(user.id, secret, { ip: '198.51.100.9' });
    const [device] = await factors.trustedDevices.list(user.id);
    expect(device).toMatchObject({ userAgent: visitor.userAgent, ip: '198.51.100.9', seenAt: world.clock.now() });
    const id = device?.id ?? newId('tdev');
    expect(await factors.trustedDevices.revoke(other.id, id, by)).toBe(false);
    expect(await factors.trustedDevices.revoke(user.id, id, by)).toBe(true);
    expect(await factors.trustedDevices.revoke(user.id, id, by)).toBe(false);
    expect(await hasTrust(user, secret)).toBe(false);
    expect(await world.events(user)).toEqual(['user.device_trusted', 'user.trusted_device_removed']);
  });

  test('is removed with all others at once', async () => {
    const user = await world.person();
    const secrets = [await trusted(user), await trusted(user)];
    await world.database.transaction((em) => factors.trustedDevices.revokeAll(em, user.id));
    for (const secret of secrets) expect(await hasTrust(user, secret)).toBe(false);
    expect(await factors.trustedDevices.list(user.id)).toEqual([]);
  });

  test('is purged after its time', async () => {
    await trusted(await world.person());
    world.clock.advance(31 * DAY);
    expect(await factors.trustedDevices.purge()).toBeGreaterThan(0);
    expect(await world.database.sql('select 1 from trusted_device')).toEqual([]);
  });
});
