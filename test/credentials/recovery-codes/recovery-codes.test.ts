import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { toUuid } from '#kernel/ids.ts';
import type { User } from '#directory/users/module.ts';
import { readRecoveryCode } from '../../../src/credentials/recovery-codes/recovery-code.ts';
import { by, openSecondFactors } from '../../support/second-factors.ts';

let world: Awaited<ReturnType<typeof openSecondFactors>>;
let factors: ReturnType<typeof world.factors>;
beforeAll(async () => {
  world = await openSecondFactors();
  factors = world.factors();
});
afterAll(() => world.database.close());

const holder = 'sign-in 1';

async function withCodes(): Promise<{ user: User; codes: readonly string[] }> {
  const user = await world.person();
  await factors.recoveryCodes.make({ userId: user.id, holder }, by);
  const codes = (await factors.recoveryCodes.show({ userId: user.id, holder })) ?? [];
  return { user, codes };
}

describe('recovery codes', () => {
  test('are ten, of 75 bits each, in groups of five', async () => {
    const { codes } = await withCodes();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{5}(-[0-9a-hjkmnp-tv-z]{5}){2}$/);
  });

  test('are stored as argon2id hashes, and after confirmation in no other form', async () => {
    const { user, codes } = await withCodes();
    await factors.recoveryCodes.saved({ userId: user.id, holder });
    const [row] = await world.database.sql('select * from recovery_codes where user_id = $1', [toUuid(user.id)]);
    expect(row).toMatchObject({ shown_sealed: null, shown_to: null, shown_until: null });
    const kept = JSON.stringify(row);
    for (const code of codes) expect(kept).not.toContain(code);
    for (const code of codes) expect(kept).not.toContain(code.replaceAll('-', ''));
  });

  test.each<[string, { holder?: string; wait?: number; saved?: boolean }, boolean]>([
    ['again while the page is open', {}, true],
    ['in no other sign-in', { holder: 'sign-in 2' }, false],
    ['not after a quarter of an hour', { wait: 15 * MINUTE }, false],
    ['not after they were saved', { saved: true }, false],
  ])('are shown %s', async (_what, { holder: where = holder, wait = 0, saved = false }, isShown) => {
    const { user } = await withCodes();
    if (saved) await factors.recoveryCodes.saved({ userId: user.id, holder });
    world.clock.advance(wait);
    expect((await factors.recoveryCodes.show({ userId: user.id, holder: where })) !== null).toBe(isShown);
  });

  test('are hidden after a time without confirmation, and still work', async () => {
    const { user, codes } = await withCodes();
    world.clock.advance(16 * MINUTE);
    expect(await factors.recoveryCodes.purge()).toBeGreaterThan(0);
    const [row] = await world.database.sql('select shown_sealed from recovery_codes where user_id = $1', [
      toUuid(user.id),
    ]);
    expect(row).toEqual({ shown_sealed: null });
    expect((await factors.recoveryCodes.verify(user.id, codes[0] ?? '', by)).kind).toBe('verified');
  });

  test('sign in once each; the remaining ones are counted, and the owner is notified', async () => {
    const { user, codes } = await withCodes();
    const [first = '', second = ''] = codes;
    expect((await factors.recoveryCodes.verify(user.id, first, by)).kind).toBe('verified');
    expect((await factors.recoveryCodes.verify(user.id, first, by)).kind).toBe('wrong');
    expect((await factors.recoveryCodes.verify(user.id, second, by)).kind).toBe('verified');
    expect(await factors.recoveryCodes.find(user.id)).toMatchObject({ left: 8, isFew: false });
    expect(world.toldTo(user)).toMatchObject([
      { kind: 'recovery_codes_made' },
      { kind: 'recovery_code_used', left: 9 },
      { kind: 'recovery_code_used', left: 8 },
    ]);
    expect(await world.events(user)).toEqual([
      'user.recovery_codes_made',
      'user.recovery_code_used',
      'user.recovery_code_used',
    ]);
  });

  test('are called few when three are left', async () => {
    const { user, codes } = await withCodes();
    const few: (boolean | undefined)[] = [];
    for (const code of codes) {
      await factors.recoveryCodes.verify(user.id, code, by);
      few.push((await factors.recoveryCodes.find(user.id))?.isFew);
    }
    expect(few).toEqual([false, false, false, false, false, false, true, true, true, true]);
    expect(await factors.recoveryCodes.find(user.id)).toMatchObject({ left: 0 });
  });

  test('succeed once in fifty requests at the same time', async () => {
    const given = world.factors({ limits: { secondFactorFreeFailures: 1000 } });
    const { user, codes } = await withCodes();
    // Those that wait too long for a hash are refused.
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => given.recoveryCodes.verify(user.id, codes[0] ?? '', by)),
    );
    const verified = outcomes.filter((each) => each.status === 'fulfilled' && each.value.kind === 'verified');
    expect(verified).toHaveLength(1);
    expect(await factors.recoveryCodes.find(user.id)).toMatchObject({ left: 9 });
  });

  test('end when new ones are created', async () => {
    const { user, codes } = await withCodes();
    await factors.recoveryCodes.make({ userId: user.id, holder }, by);
    expect((await factors.recoveryCodes.verify(user.id, codes[0] ?? '', by)).kind).toBe('wrong');
    const fresh = (await factors.recoveryCodes.show({ userId: user.id, holder })) ?? [];
    expect((await factors.recoveryCodes.verify(user.id, fresh[0] ?? '', by)).kind).toBe('verified');
  });

  test('of another user are refused', async () => {
    const [{ user }, { codes }] = [await withCodes(), await withCodes()];
    expect((await factors.recoveryCodes.verify(user.id, codes[0] ?? '', by)).kind).toBe('wrong');
    const nobody = await world.person();
    expect((await factors.recoveryCodes.verify(nobody.id, codes[0] ?? '', by)).kind).toBe('wrong');
  });
});

test.each<[string, string, string | null]>([
  ['as it is', 'k7mv2-qxhr4-tdw9p', 'k7mv2-qxhr4-tdw9p'],
  ['in capitals and one piece', ' K7MV2QXHR4TDW9P\n', 'k7mv2-qxhr4-tdw9p'],
  ['in full width', 'Ｋ７ＭＶ２－ＱＸＨＲ４－ＴＤＷ９Ｐ', 'k7mv2-qxhr4-tdw9p'],
  ['with other dashes and blanks', '\u200ek7mv2\u00a0\u2013 qxhr4\u2014tdw9p\u3000.', 'k7mv2-qxhr4-tdw9p'],
  ['in the digits of another script', 'k٧mv٢-qxhr٤-tdw٩p', 'k7mv2-qxhr4-tdw9p'],
  ['with the letters of a Turkish keyboard', 'k7mv2-qxh\u01304-tdw\u0131p', 'k7mv2-qxh14-tdw1p'],
  ['with letters that look like digits', 'kOmv2-qxhI4-tdwLp', 'k0mv2-qxh14-tdw1p'],
  ['short', 'k7mv2-qxhr4-tdw9', null],
  ['long', 'k7mv2-qxhr4-tdw9pp', null],
  ['with a letter that is in no code', 'k7mv2-qxhr4-tdw9u', null],
  ['as nothing', '', null],
])('a recovery code is accepted %s', (_what, typed, code) => {
  expect(readRecoveryCode(typed)).toBe(code);
});
