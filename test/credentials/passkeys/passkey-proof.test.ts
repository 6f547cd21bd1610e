import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { byVisitor } from '#audit/module.ts';
import { MINUTE } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { ProofPurpose } from '#credentials/passkeys/passkey-proof.ts';
import type { User } from '#directory/users/module.ts';
import { Authenticator, FLAGS, type Lies } from '../../support/authenticator.ts';
import { openTestDatabase } from '../../support/database.ts';
import { openPasskeys, origin, type PasskeyWorld, visitor } from '../../support/passkeys.ts';

let database: Database;
let world: PasskeyWorld;
let turn = 0;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => {
  world = openPasskeys(database);
  turn += 1;
});

async function personWith(authenticator: Authenticator, name = 'ada'): Promise<User> {
  const user = await world.person(`${name}${turn}@example.com`);
  expect(await world.enrol(user, authenticator)).toMatchObject({ kind: 'registered' });
  return user;
}

const verify = (purpose: ProofPurpose, answer: string, binding = 'interaction') =>
  world.proof.verify({ purpose, binding }, answer, byVisitor(visitor));

async function signCountOf(user: User): Promise<number> {
  const [row] = await database.sql<{ count: string }>(
    'select sign_count::text as count from passkey p join users u on u.id = p.user_id where u.email = $1',
    [user.email],
  );
  return Number(row?.count);
}

describe('a passkey that signs in without a password', () => {
  test.each([
    { title: 'kept on the device', kind: {}, amr: ['hwk', 'user', 'mfa'] },
    { title: 'synced between devices', kind: { isSynced: true }, amr: ['swk', 'user', 'mfa'] },
    { title: 'of Ed25519', kind: { algorithm: -8 as const }, amr: ['hwk', 'user', 'mfa'] },
    { title: 'of RSA', kind: { algorithm: -257 as const }, amr: ['hwk', 'user', 'mfa'] },
    { title: 'that does not count', kind: { counts: false }, amr: ['hwk', 'user', 'mfa'] },
  ])('identifies its user: one $title', async ({ kind, amr }) => {
    const authenticator = new Authenticator(kind);
    const user = await personWith(authenticator);
    expect(await world.signIn(authenticator)).toMatchObject({
      kind: 'verified',
      userId: user.id,
      isUserVerified: true,
      amr,
    });
    expect(await world.signIn(authenticator)).toMatchObject({ kind: 'verified' });
    expect(await world.passkeys.list(user.id)).toMatchObject([{ lastUsedAt: world.clock.now(), state: 'active' }]);
  });

  test('requests no named passkey, for five minutes, and always a fingerprint, a face or a PIN', async () => {
    const options = await world.proof.options({ purpose: 'sign_in', binding: 'b' });
    expect(options).toMatchObject({
      rpId: 'id.example.com',
      allowCredentials: [],
      userVerification: 'required',
      timeout: 5 * MINUTE,
    });
    expect(Buffer.from(options?.challenge ?? '', 'base64url')).toHaveLength(32);
  });

  test.each<[string, Lies]>([
    ['another port (WAN-02)', { origin: 'https://id.example.com:8443' }],
    ['plain http (WAN-02)', { origin: 'http://id.example.com' }],
    ['a host that begins like ours (WAN-02)', { origin: 'https://id.example.com.evil.test' }],
    ['a host below ours (WAN-02)', { origin: 'https://sub.id.example.com' }],
    ['no origin at all (WAN-02)', { origin: 'null' }],
    ['a slash too many (WAN-02)', { origin: 'https://id.example.com/' }],
    ['the type of a registration (WAN-02)', { type: 'webauthn.create' }],
    ['another relying party (WAN-02)', { rpId: 'evil.test' }],
    ['nobody being there (WAN-02)', { flags: (flags) => flags & ~FLAGS.up }],
    ['nobody being recognized (WAN-03)', { flags: (flags) => flags & ~FLAGS.uv }],
    ['a backup of what cannot be backed up (WAN-06)', { flags: (flags) => flags | FLAGS.bs }],
    ['a key in the assertion', { flags: (flags) => flags | FLAGS.at }],
    ['extensions that are not there', { flags: (flags) => flags | FLAGS.ed }],
    ['data cut short (WAN-07)', { authenticatorData: (data) => data.subarray(0, 36) }],
    ['bytes behind the data (WAN-07)', { authenticatorData: (data) => Buffer.concat([data, Buffer.from([0xa0])]) }],
    [
      'one bit of the signature flipped (WAN-07)',
      { signature: (bytes) => (bytes.writeUInt8(bytes.at(-1)! ^ 1, bytes.length - 1), bytes) },
    ],
    ['another id outside than inside (WAN-07)', { rawId: 'AAAA' }],
  ])('is refused for %s', async (_title, lies) => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    const before = await signCountOf(user);
    expect(await world.signIn(authenticator, lies)).toEqual({
      kind: 'refused',
      reason: 'not_verified',
      userId: user.id,
    });
    expect(await signCountOf(user)).toBe(before);
    expect(await world.signIn(authenticator)).toMatchObject({ kind: 'verified' });
  });

  test.each<[string, Lies]>([
    ['it says so', { crossOrigin: true }],
    ['it says something else than no', { crossOrigin: 'no' }],
    ['it names the page around it', { crossOrigin: true, topOrigin: 'https://evil.test' }],
    ['it names a page around it and says that there is none', { topOrigin: origin }],
  ])('is refused inside a frame of another site (WAN-02): %s', async (_title, lies) => {
    const authenticator = new Authenticator();
    await personWith(authenticator);
    expect(await world.signIn(authenticator, lies)).toMatchObject({ kind: 'refused', reason: 'framed' });
  });

  test.each([
    ['no JSON', 'nothing'],
    ['null', 'null'],
    ['an empty object', '{}'],
    ['no signature', JSON.stringify({ id: 'AA', rawId: 'AA', type: 'public-key', response: {} })],
  ])('is refused for %s', async (_title, answer) => {
    expect(await verify('sign_in', answer)).toMatchObject({ kind: 'refused', reason: 'malformed' });
  });

  test('is refused with an empty signature (WAN-07)', async () => {
    const authenticator = new Authenticator();
    await personWith(authenticator);
    expect(await world.signIn(authenticator, { signature: () => Buffer.alloc(0) })).toMatchObject({
      kind: 'refused',
      reason: 'malformed',
    });
  });

  test.each([
    ['false', async () => ({ verified: false })],
    ['nothing', async () => undefined],
    ['an error', async () => Promise.reject(new Error('broken'))],
  ])('is refused when the check answers %s (WAN-07)', async (_title, assertion) => {
    world = openPasskeys(database, { verifiers: { assertion: assertion as never } });
    const authenticator = new Authenticator();
    await personWith(authenticator);
    expect(await world.signIn(authenticator)).toMatchObject({ kind: 'refused', reason: 'not_verified' });
  });

  test('that is unknown is named so that the browser can forget it', async () => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    const [passkey] = await world.passkeys.list(user.id);
    await world.passkeys.remove(user.id, passkey!.id, { actor: { type: 'user', id: user.id } });
    expect(await world.signIn(authenticator)).toEqual({
      kind: 'unknown',
      credentialId: authenticator.credentials[0]!.id.toString('base64url'),
    });
  });

  test('of a disabled user opens nothing', async () => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    await world.users.changeStatus(user.id, 'disabled', { actor: { type: 'operator' } });
    expect(await world.signIn(authenticator)).toMatchObject({ kind: 'refused', reason: 'disabled' });
  });

  test('is deleted with its owner (WAN-08)', async () => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    await database.sql('delete from users where email = $1', [user.email]);
    expect(await world.signIn(authenticator)).toMatchObject({ kind: 'unknown' });
  });
});

describe('a challenge (WAN-01)', () => {
  async function asked(purpose: 'sign_in', binding = 'interaction') {
    const authenticator = new Authenticator();
    await personWith(authenticator);
    const options = await world.proof.options({ purpose, binding });
    return { authenticator, options: options! };
  }

  test('is consumed by a good response', async () => {
    const { authenticator, options } = await asked('sign_in');
    const answer = authenticator.get(options, origin);
    expect(await verify('sign_in', answer)).toMatchObject({ kind: 'verified' });
    expect(await verify('sign_in', answer)).toEqual({ kind: 'expired' });
  });

  test('is consumed by a bad response', async () => {
    const { authenticator, options } = await asked('sign_in');
    expect(await verify('sign_in', authenticator.get(options, 'https://evil.test'))).toMatchObject({ kind: 'refused' });
    expect(await verify('sign_in', authenticator.get(options, origin))).toEqual({ kind: 'expired' });
  });

  test('answered two hundred times at once on two nodes succeeds once', async () => {
    const { authenticator, options } = await asked('sign_in');
    const answer = authenticator.get(options, origin);
    const nodes = [world, openPasskeys(database)];
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        nodes[i % 2]!.proof.verify({ purpose: 'sign_in', binding: 'interaction' }, answer, byVisitor(visitor)),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === 'verified')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'expired')).toHaveLength(199);
  });

  test('is refused in another sign-in, and then in its own', async () => {
    const { authenticator, options } = await asked('sign_in');
    const answer = authenticator.get(options, origin);
    expect(await verify('sign_in', answer, 'another')).toMatchObject({ kind: 'refused', reason: 'other_ceremony' });
    expect(await verify('sign_in', answer)).toEqual({ kind: 'expired' });
  });

  test.each<ProofPurpose>(['sign_in_as', 'second_factor'])('of a sign-in is refused as %s', async (purpose) => {
    const { authenticator, options } = await asked('sign_in');
    expect(await verify(purpose, authenticator.get(options, origin))).toMatchObject({ reason: 'other_ceremony' });
  });

  test('of an enrolment does not sign in', async () => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    const options = await world.registration.options(user, { binding: 'interaction', isOnlyFactor: false });
    const { challenge } = options as { challenge: string };
    expect(await verify('sign_in', authenticator.get({ challenge, rpId: 'id.example.com' }, origin))).toMatchObject({
      reason: 'other_ceremony',
    });
  });

  test.each([
    ['a little less than five minutes', 5 * MINUTE - 1, 'verified'],
    ['five minutes', 5 * MINUTE, 'expired'],
  ])('after %s: %s', async (_title, wait, kind) => {
    const { authenticator, options } = await asked('sign_in');
    world.clock.advance(wait);
    expect(await verify('sign_in', authenticator.get(options, origin))).toMatchObject({ kind });
  });

  test('without a response is purged', async () => {
    await asked('sign_in');
    world.clock.advance(6 * MINUTE);
    expect(await world.webauthnChallenges.purge()).toBeGreaterThan(0);
    expect(await world.webauthnChallenges.purge()).toBe(0);
  });

  test('invented by the browser is refused', async () => {
    const { authenticator, options } = await asked('sign_in');
    const answer = authenticator.get(options, origin, { challenge: Buffer.alloc(32, 7).toString('base64url') });
    expect(await verify('sign_in', answer)).toEqual({ kind: 'expired' });
  });
});

describe('the owner of the passkey (WAN-04)', () => {
  let ada: User;
  let adas: Authenticator;
  let mallorys: Authenticator;
  let mallory: User;
  beforeEach(async () => {
    adas = new Authenticator();
    mallorys = new Authenticator();
    ada = await personWith(adas);
    mallory = await personWith(mallorys, 'mallory');
  });
  const credentialId = (authenticator: Authenticator) => authenticator.credentials[0]!.id.toString('base64url');

  test.each<[string, () => Lies]>([
    ['names its owner by another user’s handle', () => ({ userHandle: adas.credentials[0]!.userHandle })],
    ['names nobody', () => ({ userHandle: null })],
    ['names nobody by an empty handle', () => ({ userHandle: '' })],
  ])('decides without an email address: one that %s is refused', async (_title, lies) => {
    expect(await world.signIn(mallorys, lies())).toEqual({
      kind: 'refused',
      reason: 'other_person',
      userId: mallory.id,
    });
  });

  test('does not count for another key under the same id', async () => {
    const outcome = await world.signIn(mallorys, {
      id: credentialId(adas),
      userHandle: adas.credentials[0]!.userHandle,
    });
    expect(outcome).toEqual({ kind: 'refused', reason: 'not_verified', userId: ada.id });
  });

  test.each(['sign_in_as', 'second_factor'] as const)('must be the user in the step %s', async (purpose) => {
    const question = { purpose, binding: 'interaction', userId: ada.id, identifier: ada.email! };
    for (const [authenticator, lies, outcome] of [
      [adas, {}, { kind: 'verified', userId: ada.id }],
      [adas, { userHandle: null }, { kind: 'verified', userId: ada.id }],
      [adas, { userHandle: mallorys.credentials[0]!.userHandle }, { reason: 'other_person' }],
      [mallorys, {}, { reason: 'other_person' }],
      [mallorys, { userHandle: adas.credentials[0]!.userHandle }, { reason: 'other_person' }],
      [mallorys, { userHandle: null }, { reason: 'other_person' }],
    ] as const) {
      const options = await world.proof.options(question);
      expect(options?.allowCredentials?.map(({ id }) => id)).toEqual([credentialId(adas)]);
      const answer = authenticator.get({ ...options!, allowCredentials: [] }, origin, lies);
      expect(await verify(purpose, answer)).toMatchObject(outcome);
    }
  });

  test('does not exist if the address is unknown', async () => {
    const options = await world.proof.options({
      purpose: 'sign_in_as',
      binding: 'interaction',
      userId: null,
      identifier: 'nobody@example.com',
    });
    const answer = mallorys.get({ ...options!, allowCredentials: [] }, origin);
    expect(await verify('sign_in_as', answer)).toMatchObject({ kind: 'refused', reason: 'other_person' });
  });
});

describe('the challenge after an email address', () => {
  const asked = async (identifier: string, user: User | null) => {
    const options = await world.proof.options({
      purpose: 'sign_in_as',
      binding: 'interaction',
      identifier,
      userId: user?.id ?? null,
    });
    return options?.allowCredentials ?? [];
  };

  test('is the same each time for an unknown address, in any spelling', async () => {
    const first = await asked('nobody@example.com', null);
    expect(first.length).toBeGreaterThan(0);
    expect(await asked('nobody@example.com', null)).toEqual(first);
    expect(await asked(' NOBODY@EXAMPLE.com', null)).toEqual(first);
    expect(await asked('nobody2@example.com', null)).not.toEqual(first);
  });

  test('is the same for a user without a passkey as for an unknown address', async () => {
    const email = `without${turn}@example.com`;
    const before = await asked(email, null);
    expect(await asked(email, await world.person(email))).toEqual(before);
  });

  test('looks like real accounts: one, two or three passkeys with realistic id lengths', async () => {
    const counts = new Map<number, number>();
    for (let i = 0; i < 100; i += 1) {
      const decoys = await asked(`nobody${i}@example.com`, null);
      counts.set(decoys.length, (counts.get(decoys.length) ?? 0) + 1);
      for (const { id, type, transports } of decoys) {
        expect([16, 20, 32, 48]).toContain(Buffer.from(id, 'base64url').length);
        expect({ type, transports }).toEqual({ type: 'public-key', transports: expect.any(Array) });
      }
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(counts.get(1)).toBeGreaterThan(counts.get(3)!);
  });
});

describe('a second factor (WAN-03)', () => {
  const asSecondFactor = async (user: User, authenticator: Authenticator, lies: Lies = {}) => {
    const options = await world.proof.options({ purpose: 'second_factor', binding: 'interaction', userId: user.id });
    const outcome = await verify('second_factor', authenticator.get(options!, origin, lies));
    return { asked: options?.userVerification, outcome };
  };

  test.each([
    { policy: 'preferred', verifiesUser: false, outcome: { kind: 'verified', amr: ['hwk', 'user'] } },
    { policy: 'preferred', verifiesUser: true, outcome: { kind: 'verified', amr: ['hwk', 'user', 'mfa'] } },
    { policy: 'discouraged', verifiesUser: false, outcome: { kind: 'verified', isUserVerified: false } },
    { policy: 'required', verifiesUser: true, outcome: { kind: 'verified', isUserVerified: true } },
    { policy: 'required', verifiesUser: false, outcome: { kind: 'refused', reason: 'not_verified' } },
  ])('with verification $policy, of a key that verifies: $verifiesUser', async ({ policy, verifiesUser, outcome }) => {
    world = openPasskeys(database, { policy: { secondFactorVerification: policy } });
    const key = new Authenticator({ isResident: false, verifiesUser, transports: ['usb'] });
    const user = await personWith(key);
    const result = await asSecondFactor(user, key);
    expect(result.asked).toBe(policy);
    expect(result.outcome).toMatchObject(outcome);
  });

  test('without user verification does not sign in alone, with any policy of second factors', async () => {
    world = openPasskeys(database, { policy: { secondFactorVerification: 'discouraged' } });
    const key = new Authenticator({ verifiesUser: false, transports: ['usb'] });
    await personWith(key);
    expect(await world.signIn(key)).toMatchObject({ kind: 'refused', reason: 'not_verified' });
  });
});

describe('a passkey that may be a clone (WAN-06)', () => {
  test.each([
    ['less than before', 9],
    ['the same as before', 10],
    ['nothing any more', 0],
  ])('counts %s: it is refused from then on, its owner is notified', async (_title, signCount) => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    expect(await world.signIn(authenticator, { signCount: 10 })).toMatchObject({ kind: 'verified' });
    expect(await world.signIn(authenticator, { signCount })).toEqual({ kind: 'flagged', userId: user.id });
    expect(await world.signIn(authenticator, { signCount: 11 })).toEqual({ kind: 'flagged', userId: user.id });
    expect(await signCountOf(user)).toBe(10);
    expect(world.audit.events.filter(({ type }) => type === 'user.passkey_flagged')).toMatchObject([
      { outcome: 'failure', subject: { type: 'user', id: user.id }, visitor },
    ]);
    expect(world.notices.filter(({ kind }) => kind === 'passkey_flagged')).toHaveLength(1);
    expect(await world.passkeys.list(user.id)).toMatchObject([{ state: 'stopped' }]);
    expect(await world.passkeys.countUsable(user.id)).toBe(0);
  });

  test('cannot be stopped by an attacker who does not hold it', async () => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    await world.signIn(authenticator, { signCount: 10 });
    const forged: Lies = { signCount: 2, signature: (bytes) => bytes.fill(0) };
    expect(await world.signIn(authenticator, forged)).toMatchObject({ kind: 'refused' });
    expect(await world.passkeys.list(user.id)).toMatchObject([{ state: 'active' }]);
  });

  test('continues to count from zero', async () => {
    const authenticator = new Authenticator({ counts: false });
    await personWith(authenticator);
    for (const signCount of [0, 0, 5, 2 ** 32 - 1])
      expect(await world.signIn(authenticator, { signCount })).toMatchObject({ kind: 'verified' });
  });

  test.each([
    ['becomes one that can be backed up', {}, FLAGS.be],
    ['can be backed up no longer', { isSynced: true }, FLAGS.be | FLAGS.bs],
  ])('with another %s is refused', async (_title, kind, flip) => {
    const authenticator = new Authenticator(kind);
    await personWith(authenticator);
    expect(await world.signIn(authenticator, { flags: (flags) => flags ^ flip })).toMatchObject({
      kind: 'refused',
      reason: 'backup_eligibility',
    });
  });

  test('is accepted when its backup was switched off', async () => {
    const authenticator = new Authenticator({ isSynced: true });
    const user = await personWith(authenticator);
    expect(await world.passkeys.list(user.id)).toMatchObject([{ backup: 'synced' }]);
    await world.signIn(authenticator, { flags: (flags) => flags & ~FLAGS.bs });
    expect(await world.passkeys.list(user.id)).toMatchObject([{ backup: 'syncable' }]);
  });
});

describe('an instance', () => {
  test('with passkeys disabled requests none and accepts none', async () => {
    const authenticator = new Authenticator();
    await personWith(authenticator);
    const options = await world.proof.options({ purpose: 'sign_in', binding: 'interaction' });
    const answer = authenticator.get(options!, origin);
    world = openPasskeys(database, { policy: { enabled: false } });
    expect(await world.proof.options({ purpose: 'sign_in', binding: 'interaction' })).toBeNull();
    expect(await verify('sign_in', answer)).toMatchObject({ kind: 'refused', reason: 'unavailable' });
  });

  test.each(['http://127.0.0.1:3000', 'http://[::1]:3000'])('at %s has no relying party id for passkeys', (issuer) => {
    expect(openPasskeys(database, { issuer }).passkeys.relyingParty).toBeNull();
  });

  test('accepts responses from configured related origins, and requests the configured id', async () => {
    world = openPasskeys(database, {
      policy: { rpId: 'example.com', relatedOrigins: ['https://shop.example.org'] },
    });
    const authenticator = new Authenticator();
    await personWith(authenticator);
    expect(await world.signIn(authenticator, { origin: 'https://shop.example.org' })).toMatchObject({
      kind: 'verified',
    });
    expect(await world.signIn(authenticator, { origin: 'https://example.com' })).toMatchObject({ kind: 'refused' });
  });
});
