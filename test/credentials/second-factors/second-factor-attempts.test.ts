import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '#kernel/clock.ts';
import type { User } from '#directory/users/module.ts';
import { by, openSecondFactors } from '../../support/second-factors.ts';

let world: Awaited<ReturnType<typeof openSecondFactors>>;
let factors: ReturnType<typeof world.factors>;
beforeAll(async () => {
  world = await openSecondFactors();
  factors = world.factors();
});
afterAll(() => world.database.close());

const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
async function withApp(): Promise<User> {
  const user = await world.person();
  await world.database.transaction((em) => factors.totp.import(em, user.id, { secret }));
  return user;
}
const guess = async (user: User, code = '000000') => (await factors.totp.verify(user.id, code, by)).kind;

describe('wrong codes of an account', () => {
  test('are five, then wait 15 and 30 minutes, 1, 2 and from then on 4 hours', async () => {
    const user = await withApp();
    for (let i = 0; i < 5; i += 1) expect(await guess(user)).toBe('wrong');
    for (const wait of [15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 4 * HOUR, 4 * HOUR]) {
      expect(await factors.totp.verify(user.id, world.codeOf(secret), by)).toEqual({
        kind: 'throttled',
        until: new Date(world.clock.now().getTime() + wait),
      });
      world.clock.advance(wait - 1);
      expect(await guess(user)).toBe('throttled');
      world.clock.advance(1);
      expect(await guess(user)).toBe('wrong');
    }
  });

  test('are counted together for all factors', async () => {
    const user = await withApp();
    await factors.recoveryCodes.make({ userId: user.id, holder: 'x' }, by);
    for (let i = 0; i < 2; i += 1) expect(await guess(user)).toBe('wrong');
    for (let i = 0; i < 2; i += 1)
      expect((await factors.recoveryCodes.verify(user.id, 'k7mv2-qxhr4-tdw9p', by)).kind).toBe('wrong');
    expect((await factors.secondFactorAttempts.guard(user.id, by, async () => false)).kind).toBe('wrong');
    const [code = ''] = (await factors.recoveryCodes.show({ userId: user.id, holder: 'x' })) ?? [];
    expect((await factors.recoveryCodes.verify(user.id, code, by)).kind).toBe('throttled');
    expect(await guess(user, world.codeOf(secret))).toBe('throttled');
  });

  test('are reset by a right one', async () => {
    const user = await withApp();
    for (let i = 0; i < 4; i += 1) await guess(user);
    expect(await guess(user, world.codeOf(secret))).toBe('verified');
    for (let i = 0; i < 5; i += 1) expect(await guess(user)).toBe('wrong');
    expect(await guess(user)).toBe('throttled');
  });

  test('reach the comparison five times in two hundred at once; the owner is notified once', async () => {
    const user = await withApp();
    const right = world.codeOf(secret);
    const codes = [...Array.from({ length: 200 }, (_, i) => String(i).padStart(6, '9')), right];
    const kinds = await Promise.all(codes.map((code) => guess(user, code)));
    expect(kinds.filter((kind) => kind === 'wrong')).toHaveLength(5);
    expect(kinds.filter((kind) => kind === 'throttled')).toHaveLength(196);
    expect(await guess(user, right)).toBe('throttled');
    expect(world.toldTo(user)).toMatchObject([{ kind: 'tries_used_up', visitor: { ip: by.visitor.ip } }]);
    expect(await world.events(user)).toEqual(['user.second_factor_blocked']);
  });

  test('end for good at the hundredth', async () => {
    const user = await withApp();
    for (let i = 0; i < 100; i += 1) {
      expect(await guess(user)).toBe('wrong');
      world.clock.advance(4 * HOUR);
    }
    expect(await factors.totp.verify(user.id, world.codeOf(secret), by)).toEqual({ kind: 'throttled', until: null });
  });

  test('of one user do not count for another', async () => {
    const [user, other] = [await withApp(), await withApp()];
    for (let i = 0; i < 6; i += 1) await guess(user);
    expect(await guess(other, world.codeOf(secret))).toBe('verified');
  });
});
