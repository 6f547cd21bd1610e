import { createGuardrails, generateSync, type OTPGenerateOptions } from 'otplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MINUTE, SECOND } from '#kernel/clock.ts';
import { toUuid } from '#kernel/ids.ts';
import type { TotpImport } from '#credentials/module.ts';
import type { ReadUser, User } from '#directory/users/module.ts';
import { testSecrets } from '../../support/app.ts';
import { by, openSecondFactors } from '../../support/second-factors.ts';

let world: Awaited<ReturnType<typeof openSecondFactors>>;
let factors: ReturnType<typeof world.factors>;
beforeAll(async () => {
  world = await openSecondFactors();
  factors = world.factors();
});
afterAll(() => world.database.close());

const hasTrust = async ({ id }: User, trustSecret: string | null): Promise<boolean> =>
  (await factors.secondFactorOverviews.find(id, { trustSecret: trustSecret ?? '' })).hasTrust;
const holder = 'sign-in 1';
const step = 30 * SECOND;

/** A person with an app; answers with its key. The step of the code that turned it on is over. */
async function enrolled(given = factors): Promise<{ user: ReadUser; key: string }> {
  const user = await world.person();
  const { key } = await given.totpEnrolments.offer({ userId: user.id, holder, account: user.email! });
  const confirmed = await given.totpEnrolments.confirm(
    { userId: user.id, holder, code: world.codeOf(key), name: 'Phone' },
    by,
  );
  expect(confirmed).toEqual({ kind: 'confirmed' });
  world.clock.advance(2 * step);
  return { user, key };
}

describe('adding an authenticator app', () => {
  test('shows a secret of 160 bits as a QR code, a URI and a key in groups', async () => {
    const user = await world.person();
    const offer = await factors.totpEnrolments.offer({ userId: user.id, holder, account: user.email! });
    const uri = new URL(offer.uri);
    expect(offer.key).toMatch(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/);
    expect(uri.searchParams.get('secret')).toBe(offer.key.replaceAll(' ', ''));
    expect(uri.searchParams.get('issuer')).toBe('Latchkey');
    expect(decodeURIComponent(uri.pathname)).toContain(`Latchkey:${user.email}`);
    expect(offer.qr.size).toBeGreaterThan(29);
    expect(offer.qr.path).toMatch(/^(M\d+ \d+h\d+v1h-\d+z)+$/);
  });

  test('shows the same secret again, in this sign-in only, for fifteen minutes', async () => {
    const user = await world.person();
    const key = async (where = holder) =>
      (await factors.totpEnrolments.offer({ userId: user.id, holder: where, account: user.email! })).key;
    const first = await key();
    expect(await key()).toBe(first);
    expect(await key('sign-in 2')).not.toBe(first);
    world.clock.advance(15 * MINUTE);
    expect(await key()).not.toBe(first);
  });

  test.each<[string, { holder?: string; wait?: number; steps?: number }, string]>([
    ['with a code of the secret', {}, 'confirmed'],
    ['with a code of an hour ago', { steps: -120 }, 'wrong'],
    ['in another sign-in', { holder: 'sign-in 2' }, 'expired'],
    ['after fifteen minutes', { wait: 15 * MINUTE }, 'expired'],
  ])('%s', async (_what, { holder: where = holder, wait = 0, steps = 0 }, kind) => {
    const user = await world.person();
    const { key } = await factors.totpEnrolments.offer({ userId: user.id, holder, account: user.email! });
    world.clock.advance(wait);
    const code = world.codeOf(key, steps);
    const outcome = await factors.totpEnrolments.confirm({ userId: user.id, holder: where, code, name: 'Phone' }, by);
    expect(outcome.kind).toBe(kind);
    const isOn = kind === 'confirmed';
    expect((await factors.totp.find(user.id)) !== null).toBe(isOn);
    expect(await world.events(user)).toEqual(isOn ? ['user.totp_added'] : []);
    expect(world.toldTo(user).map((notice) => notice.kind)).toEqual(isOn ? ['totp_added'] : []);
  });

  test('happens once for repeated forms', async () => {
    const user = await world.person();
    const { key } = await factors.totpEnrolments.offer({ userId: user.id, holder, account: user.email! });
    const form = { userId: user.id, holder, code: world.codeOf(key), name: 'Phone' };
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => factors.totpEnrolments.confirm(form, by)));
    expect(outcomes.filter(({ kind }) => kind === 'confirmed')).toHaveLength(1);
    expect(world.toldTo(user)).toHaveLength(1);
  });

  test('replaces the existing app, and ends trusted browsers', async () => {
    const { user, key } = await enrolled();
    const cookie = await factors.trustedDevices.trust(user, undefined, by);
    const { key: next } = await factors.totpEnrolments.offer({ userId: user.id, holder: 'new', account: user.email! });
    const code = world.codeOf(next);
    await factors.totpEnrolments.confirm({ userId: user.id, holder: 'new', code, name: 'New phone' }, by);
    expect(await factors.totp.find(user.id)).toMatchObject({ name: 'New phone', usedAt: null });
    expect(await hasTrust(user, cookie)).toBe(false);
    world.clock.advance(2 * step);
    expect((await factors.totp.verify(user.id, world.codeOf(key), by)).kind).toBe('wrong');
    expect((await factors.totp.verify(user.id, world.codeOf(next), by)).kind).toBe('verified');
  });

  test('stores nothing when it is not finished', async () => {
    const user = await world.person();
    await factors.totpEnrolments.offer({ userId: user.id, holder, account: user.email! });
    world.clock.advance(16 * MINUTE);
    expect(await factors.totpEnrolments.purge()).toBeGreaterThan(0);
    expect(await world.database.sql('select 1 from totp_enrolment where user_id = $1', [toUuid(user.id)])).toEqual([]);
  });
});

describe('a code of an app', () => {
  test.each<[number, 0 | 1, string]>([
    [-3, 1, 'wrong'],
    [-2, 1, 'wrong'],
    [-1, 1, 'verified'],
    [0, 1, 'verified'],
    [1, 1, 'verified'],
    [2, 1, 'wrong'],
    [3, 1, 'wrong'],
    [-1, 0, 'wrong'],
    [0, 0, 'verified'],
    [1, 0, 'wrong'],
  ])('%i steps from now, with a window of %i, is %s', async (steps, totpWindow, kind) => {
    const given = world.factors({ mfa: { totpWindow } });
    const { user, key } = await enrolled(given);
    expect((await given.totp.verify(user.id, world.codeOf(key, steps), by)).kind).toBe(kind);
  });

  test.each<[string, (code: string) => string, string]>([
    ['with a space in the middle', (code) => `${code.slice(0, 3)} ${code.slice(3)}`, 'verified'],
    ['cut', (code) => code.slice(1), 'wrong'],
    ['with a digit more', (code) => `${code}0`, 'wrong'],
    [
      'in other digits',
      (code) => code.replaceAll(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit))),
      'verified',
    ],
    ['as nothing', () => '', 'wrong'],
    ['as letters', () => 'abcdef', 'wrong'],
  ])('typed %s', async (_what, typed, kind) => {
    const { user, key } = await enrolled();
    expect((await factors.totp.verify(user.id, typed(world.codeOf(key)), by)).kind).toBe(kind);
  });

  test('is accepted once, and then no earlier one', async () => {
    const { user, key } = await enrolled();
    expect((await factors.totp.verify(user.id, world.codeOf(key), by)).kind).toBe('verified');
    expect((await factors.totp.verify(user.id, world.codeOf(key), by)).kind).toBe('wrong');
    expect((await factors.totp.verify(user.id, world.codeOf(key, -1), by)).kind).toBe('wrong');
    expect((await factors.totp.verify(user.id, world.codeOf(key, 1), by)).kind).toBe('verified');
  });

  test('that added the app does not sign in', async () => {
    const user = await world.person();
    const { key } = await factors.totpEnrolments.offer({ userId: user.id, holder, account: user.email! });
    const code = world.codeOf(key);
    await factors.totpEnrolments.confirm({ userId: user.id, holder, code, name: 'Phone' }, by);
    expect((await factors.totp.verify(user.id, code, by)).kind).toBe('wrong');
  });

  test('is accepted once in fifty requests at the same time', async () => {
    const given = world.factors({ limits: { secondFactorFreeFailures: 1000 } });
    const { user, key } = await enrolled(given);
    const code = world.codeOf(key);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => given.totp.verify(user.id, code, by)));
    expect(outcomes.filter(({ kind }) => kind === 'verified')).toHaveLength(1);
  });

  test('of another user is refused', async () => {
    const [{ user }, { key }] = [await enrolled(), await enrolled()];
    expect((await factors.totp.verify(user.id, world.codeOf(key), by)).kind).toBe('wrong');
    const nobody = await world.person();
    expect((await factors.totp.verify(nobody.id, world.codeOf(key), by)).kind).toBe('wrong');
  });
});

describe('the secret of an app', () => {
  const stored = async ({ id }: User) =>
    (
      await world.database.sql<{ sealed: string }>('select sealed from totp_credential where user_id = $1', [
        toUuid(id),
      ])
    )[0]?.sealed ?? '';

  test('is encrypted under the key ring, for its owner only', async () => {
    const [{ user, key }, { user: other }] = [await enrolled(), await enrolled()];
    expect(await stored(user)).toMatch(/^lk1\./);
    expect(await stored(user)).not.toContain(key.replaceAll(' ', ''));
    await world.database.sql('update totp_credential set sealed = $1 where user_id = $2', [
      await stored(user),
      toUuid(other.id),
    ]);
    await expect(factors.totp.verify(other.id, world.codeOf(key), by)).rejects.toThrow('belongs to another place');
    await world.database.sql('delete from totp_credential where user_id = $1', [toUuid(other.id)]);
  });

  test('is encrypted again under the first secret of the ring, and still works', async () => {
    const { user, key } = await enrolled();
    const ring = ['another-secret-that-only-tests-know', testSecrets];
    const { changed } = await world.factors({}, ring).totp.reencrypt();
    expect(changed).toBeGreaterThan(0);
    expect(await world.factors({}, ring).totp.reencrypt()).toMatchObject({ changed: 0 });
    const later = world.factors({}, ring.slice(0, 1));
    expect((await later.totp.verify(user.id, world.codeOf(key), by)).kind).toBe('verified');
    await world.factors({}, ring.toReversed()).totp.reencrypt();
  });

  test.each<[string, TotpImport, Pick<OTPGenerateOptions, 'algorithm' | 'digits' | 'period'>]>([
    ['of 80 bits', { secret: 'jbsw y3dp ehpk 3pxp' }, {}],
    [
      'of eight digits and SHA-512',
      { secret: 'JBSWY3DPEHPK3PXP', algorithm: 'sha512', digits: 8 },
      { algorithm: 'sha512', digits: 8 },
    ],
    ['of a minute', { secret: 'JBSWY3DPEHPK3PXP====', period: 60 }, { period: 60 }],
  ])('is imported from another product: %s', async (_what, given, parameters) => {
    const user = await world.person();
    await world.database.transaction((em) => factors.totp.import(em, user.id, given));
    const epoch = Math.floor(world.clock.now().getTime() / 1000);
    const code = generateSync({
      secret: Buffer.from('48656c6c6f21deadbeef', 'hex'),
      guardrails: createGuardrails({ MIN_SECRET_BYTES: 10 }),
      epoch,
      ...parameters,
    });
    expect((await factors.totp.verify(user.id, code, by)).kind).toBe('verified');
    expect((await factors.totp.verify(user.id, code, by)).kind).toBe('wrong');
  });

  test.each(['', 'JBSWY3DP', 'not base32 at all!', '0189018901890189'])(
    'is refused if it is invalid: %j',
    async (secret) => {
      const user = await world.person();
      const taken = world.database.transaction((em) => factors.totp.import(em, user.id, { secret }));
      await expect(taken).rejects.toThrow('base32');
    },
  );
});

describe('removal of an app', () => {
  test('notifies the owner and ends trusted browsers', async () => {
    const { user, key } = await enrolled();
    const cookie = await factors.trustedDevices.trust(user, undefined, by);
    expect(await factors.totp.remove(user.id, by)).toBe(true);
    expect(await factors.totp.remove(user.id, by)).toBe(false);
    expect(await factors.totp.find(user.id)).toBeNull();
    expect((await factors.totp.verify(user.id, world.codeOf(key), by)).kind).toBe('wrong');
    expect(await hasTrust(user, cookie)).toBe(false);
    expect(world.toldTo(user).map(({ kind }) => kind)).toEqual(['totp_added', 'totp_removed']);
  });

  test.each<['off' | 'optional' | 'required' | 'administrators', boolean, boolean]>([
    ['off', true, true],
    ['optional', true, true],
    ['required', false, false],
    ['administrators', false, true],
    ['administrators', true, false],
  ])('of the last one with policy %s (administrator: %s) succeeds: %s', async (enforcement, administers, works) => {
    const given = world.factors({ mfa: { enforcement } });
    const user = await world.person(administers ? ['administrator'] : []);
    await world.database.transaction((em) => given.totp.import(em, user.id, { secret: 'JBSWY3DPEHPK3PXP' }));
    const removed = given.totp.remove(user.id, by).catch((error: { code: string }) => error.code);
    expect(await removed).toBe(works ? true : 'credentials.last_factor');
    expect((await given.totp.find(user.id)) === null).toBe(works);
  });
});
