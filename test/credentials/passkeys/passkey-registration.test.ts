import { readFileSync } from 'node:fs';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { byUser } from '#audit/module.ts';
import { MINUTE } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { sections } from '#settings/module.ts';
import { passkeyStateBy } from '../../../src/credentials/passkeys/passkey-state.ts';
import { SecondFactorOverviews } from '../../../src/credentials/second-factors/second-factor-overview.ts';
import type { User } from '#directory/users/module.ts';
import { Authenticator, FLAGS, type Lies } from '../../support/authenticator.ts';
import { openTestDatabase } from '../../support/database.ts';
import { policiesWith } from '../../support/policies.ts';
import { openPasskeys, origin, type PasskeyWorld, visitor } from '../../support/passkeys.ts';

const YUBIKEY = '2fc0579f-8113-47ea-b116-bb5a8db9202a';
const certificate = (name: string): string =>
  readFileSync(new URL(`../../support/certificates/${name}`, import.meta.url), 'utf8');

let database: Database;
let world: PasskeyWorld;
let ada: User;
let turn = 0;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  world = openPasskeys(database);
  turn += 1;
  ada = await world.person(`ada${turn}@example.com`);
});

const options = async (user = ada, isOnlyFactor = false) => {
  const made = await world.registration.options(user, { binding: 'enrolment', isOnlyFactor });
  if (made === null || made === 'full') throw new Error(`no options: ${String(made)}`);
  return made;
};
const register = (answer: string, user = ada, binding = 'enrolment', isOnlyFactor = false) =>
  world.registration.register({ userId: user.id, binding, isOnlyFactor }, answer, byUser(user.id, visitor));

describe('the request to an authenticator', () => {
  test('names us, the user, our verification, and nothing unnecessary', async () => {
    expect(await options()).toMatchObject({
      rp: { id: 'id.example.com', name: 'Latchkey' },
      user: { name: ada.email, displayName: ada.email },
      pubKeyCredParams: [{ alg: -8 }, { alg: -7 }, { alg: -257 }],
      attestation: 'none',
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      timeout: 5 * MINUTE,
    });
  });

  test('requires more when the passkey will be the only credential', async () => {
    expect((await options(ada, true)).authenticatorSelection).toMatchObject({
      residentKey: 'required',
      userVerification: 'required',
    });
  });

  test('follows the policy of the instance', async () => {
    world = openPasskeys(database, {
      policy: { attestation: 'direct', attachment: 'cross-platform', residentKey: 'discouraged', rpId: 'example.com' },
    });
    expect(await options()).toMatchObject({
      rp: { id: 'example.com' },
      attestation: 'direct',
      authenticatorSelection: { residentKey: 'discouraged', authenticatorAttachment: 'cross-platform' },
    });
  });

  test('identifies the user by 64 random bytes, the same for ever and unique (WAN-08)', async () => {
    const [first, again] = [await options(), await options({ ...ada, email: 'renamed@example.com' })];
    const other = await options(await world.person(`eve${turn}@example.com`));
    expect(Buffer.from(first.user.id, 'base64url')).toHaveLength(64);
    expect(again.user.id).toBe(first.user.id);
    expect(other.user.id).not.toBe(first.user.id);
    expect(Buffer.from(first.user.id, 'base64url').toString('latin1')).not.toContain(ada.id.slice(4));
  });

  test('excludes the authenticators that the user has already, including stopped ones', async () => {
    const authenticator = new Authenticator();
    await world.enrol(ada, authenticator);
    await database.sql('update passkey set flagged_at = now() where user_id = $1', [toUuid(ada.id)]);
    expect((await options()).excludeCredentials).toMatchObject([
      { id: authenticator.credentials[0]!.id.toString('base64url'), transports: ['internal'] },
    ]);
  });
});

describe('a new passkey', () => {
  test.each([
    {
      title: 'of a phone that syncs it',
      kind: { isSynced: true, aaguid: 'fbfc3007-154e-4ecc-8c0b-6e020557d7bd' },
      passkey: { name: 'Apple Passwords', authenticator: 'Apple Passwords', backup: 'synced', isSecurityKey: false },
    },
    {
      title: 'of a security key',
      kind: { aaguid: YUBIKEY, transports: ['usb', 'nfc'], isResident: false },
      passkey: { name: 'YubiKey 5 Series with NFC', backup: 'device', isSecurityKey: true },
    },
    {
      title: 'of a device that does not say what it is',
      kind: {},
      passkey: { name: 'macOS', authenticator: null, backup: 'device', isSecurityKey: false },
    },
    {
      title: 'of a key that does not say what it is',
      kind: { transports: ['usb'] },
      passkey: { name: null, authenticator: null, isSecurityKey: true },
    },
  ])('$title is stored, named, recorded and mailed', async ({ kind, passkey }) => {
    const outcome = await world.enrol(ada, new Authenticator(kind));
    expect(outcome).toMatchObject({ kind: 'registered', passkey: { ...passkey, state: 'active', lastUsedAt: null } });
    expect(await world.passkeys.list(ada.id)).toMatchObject([passkey]);
    expect(world.audit.events.at(-1)).toMatchObject({
      type: 'user.passkey_added',
      actor: { type: 'user', id: ada.id },
      visitor,
    });
    expect(world.notices).toEqual([{ kind: 'passkey_added', userId: ada.id, name: passkey.name, visitor }]);
  });

  test('stores known transports only', async () => {
    await world.enrol(ada, new Authenticator({ transports: ['usb', 'telepathy', 'usb'] }));
    expect(await world.passkeys.usable(ada.id)).toMatchObject([{ transports: ['usb'] }]);
  });

  test.each<[string, Lies]>([
    ['another origin', { origin: 'https://evil.test' }],
    ['another relying party', { rpId: 'evil.test' }],
    ['the type of a sign-in', { type: 'webauthn.get' }],
    ['nobody being there', { flags: (flags) => flags & ~FLAGS.up }],
    ['a frame of another site (WAN-02)', { crossOrigin: true }],
    ['a page around it', { crossOrigin: false, topOrigin: 'https://evil.test' }],
    ['an algorithm that was not offered: RS1', { algorithm: -65535 }],
    ['an algorithm that was not offered: ES384', { algorithm: -35 }],
    ['a backup of what cannot be backed up', { flags: (flags) => flags | FLAGS.bs }],
    ['no key inside', { flags: (flags) => flags & ~FLAGS.at }],
    ['another id outside than inside', { rawId: 'AAAA' }],
    ['an id of 1,024 bytes', { id: Buffer.alloc(1024, 1).toString('base64url') }],
    ['bytes behind it', { attestationObject: (object) => Buffer.concat([object, Buffer.from([0])]) }],
    ['a part of it', { attestationObject: (object) => object.subarray(0, 60) }],
    ['nothing of it', { attestationObject: () => Buffer.from([0xa0]) }],
    ['70 KiB of it', { attestationObject: (object) => Buffer.concat([object, Buffer.alloc(70 * 1024)]) }],
  ])('is refused for %s (WAN-05, WAN-07)', async (_title, lies) => {
    expect(await world.enrol(ada, new Authenticator(), lies)).toEqual({ kind: 'refused' });
    expect(await world.passkeys.list(ada.id)).toEqual([]);
    expect(world.notices).toEqual([]);
  });

  test('is refused without user verification if it will be the only credential (WAN-03)', async () => {
    const key = new Authenticator({ verifiesUser: false });
    expect(await world.enrol(ada, key, {}, true)).toEqual({ kind: 'refused' });
    expect(await world.enrol(ada, key)).toMatchObject({ kind: 'registered' });
  });

  test.each([
    ['false', async () => ({ verified: false })],
    ['nothing', async () => undefined],
    ['an error', async () => Promise.reject(new Error('broken'))],
  ])('is refused when the check answers %s (WAN-07)', async (_title, attestation) => {
    world = openPasskeys(database, { verifiers: { attestation: attestation as never } });
    expect(await world.enrol(ada, new Authenticator())).toEqual({ kind: 'refused' });
  });

  test('cannot have an existing id (WAN-05)', async () => {
    const adas = new Authenticator();
    await world.enrol(ada, adas);
    const mallory = await world.person(`mallory${turn}@example.com`);
    const id = adas.credentials[0]!.id.toString('base64url');
    expect(await world.enrol(mallory, new Authenticator(), { id })).toEqual({ kind: 'taken' });
    expect(await world.enrol(ada, new Authenticator(), { id })).toEqual({ kind: 'taken' });
    expect(await world.signIn(adas)).toMatchObject({ kind: 'verified', userId: ada.id });
  });

  test('belongs to the user of the request', async () => {
    const mallory = await world.person(`mallory${turn}@example.com`);
    const answer = new Authenticator().create(await options(), origin);
    expect(await register(answer, mallory)).toEqual({ kind: 'refused' });
    expect(await register(answer)).toEqual({ kind: 'expired' });
  });

  test('is created in its own sign-in or session, once, within five minutes (WAN-01)', async () => {
    const authenticator = new Authenticator();
    expect(await register(authenticator.create(await options(), origin), ada, 'another')).toEqual({ kind: 'refused' });
    const answer = authenticator.create(await options(), origin);
    expect(await register(answer)).toMatchObject({ kind: 'registered' });
    expect(await register(answer)).toEqual({ kind: 'expired' });
    const late = authenticator.create(await options(), origin);
    world.clock.advance(5 * MINUTE);
    expect(await register(late)).toEqual({ kind: 'expired' });
  });

  test('is created once from two hundred equal responses at once on two nodes', async () => {
    const answer = new Authenticator().create(await options(), origin);
    const nodes = [world, openPasskeys(database)];
    const enrolment = { userId: ada.id, binding: 'enrolment', isOnlyFactor: false };
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        nodes[i % 2]!.registration.register(enrolment, answer, byUser(ada.id, visitor)),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === 'registered')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'expired')).toHaveLength(199);
  });

  test('cannot use the challenge of a sign-in', async () => {
    const asked = await world.proof.options({ purpose: 'sign_in', binding: 'enrolment' });
    const answer = new Authenticator().create(
      { challenge: asked!.challenge, rp: { id: 'id.example.com' }, user: { id: 'AA' } },
      origin,
    );
    expect(await register(answer)).toEqual({ kind: 'refused' });
  });

  test('is refused above the allowed number, also for several at once', async () => {
    world = openPasskeys(database, { policy: { maximumPerPerson: 2 } });
    const answers = [];
    for (let i = 0; i < 6; i += 1) answers.push(new Authenticator().create(await options(), origin));
    const outcomes = await Promise.all(answers.map((answer) => register(answer)));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual([
      ...Array.from({ length: 4 }, () => 'full'),
      ...Array.from({ length: 2 }, () => 'registered'),
    ]);
    expect(await world.registration.options(ada, { binding: 'enrolment', isOnlyFactor: false })).toBe('full');
  });
});

describe('a policy for authenticators is enforced on the server, not in the browser (WAN-05)', () => {
  test.each([
    { title: 'the model is on the list', policy: { allowedAuthenticators: [YUBIKEY] }, kind: { aaguid: YUBIKEY } },
    {
      title: 'the model is on the list in capitals',
      policy: { allowedAuthenticators: [YUBIKEY.toUpperCase()] },
      kind: { aaguid: YUBIKEY },
    },
    { title: 'the device is asked for', policy: { attachment: 'platform' }, kind: {} },
    {
      title: 'a maker signed for it',
      policy: { attestation: 'direct' },
      kind: { attestation: 'maker' as const },
    },
    {
      title: 'a trusted manufacturer signed for it',
      policy: { attestation: 'direct', attestationRoots: [certificate('ca.pem')] },
      kind: { attestation: 'maker' as const },
    },
  ])('accepts it when $title', async ({ policy, kind }) => {
    world = openPasskeys(database, { policy });
    expect(await world.enrol(ada, new Authenticator(kind))).toMatchObject({ kind: 'registered' });
  });

  test.each([
    { title: 'the model is another one', policy: { allowedAuthenticators: [YUBIKEY] }, kind: {} },
    {
      title: 'a key comes where a device was asked for',
      policy: { attachment: 'platform' },
      kind: { transports: ['usb'] },
    },
    { title: 'a device comes where a key was asked for', policy: { attachment: 'cross-platform' }, kind: {} },
    { title: 'nobody signed for it', policy: { attestation: 'direct' }, kind: {} },
    { title: 'it signed for itself', policy: { attestation: 'direct' }, kind: { attestation: 'self' as const } },
    {
      title: 'an untrusted manufacturer signed for it',
      policy: { attestation: 'direct', attestationRoots: [certificate('self.pem')] },
      kind: { attestation: 'maker' as const },
    },
  ])('refuses it when $title', async ({ policy, kind }) => {
    world = openPasskeys(database, { policy });
    expect(await world.enrol(ada, new Authenticator(kind))).toEqual({ kind: 'not_allowed' });
  });

  test('ignores an attestation that was not requested', async () => {
    const unasked = await world.enrol(ada, new Authenticator({ attestation: 'maker' }));
    expect(unasked).toMatchObject({ kind: 'registered' });
    const nonsense = (object: Buffer) => {
      const decoded = isoCBOR.decodeFirst<Map<string, unknown>>(new Uint8Array(object));
      decoded.set('fmt', 'android-key').set('attStmt', new Map([['x5c', [new Uint8Array([1, 2, 3])]]]));
      return Buffer.from(isoCBOR.encode(decoded as never));
    };
    expect(await world.enrol(ada, new Authenticator(), { attestationObject: nonsense })).toMatchObject({
      kind: 'registered',
    });
    const formats = await database.sql('select distinct attestation_format as format from passkey where user_id = $1', [
      toUuid(ada.id),
    ]);
    expect(formats).toEqual([{ format: 'none' }]);
  });

  test('never follows addresses in a certificate: that format counts as no attestation', async () => {
    world = openPasskeys(database, { policy: { attestation: 'direct' } });
    const relabelled = (object: Buffer) => {
      const decoded = isoCBOR.decodeFirst<Map<string, unknown>>(new Uint8Array(object));
      return Buffer.from(isoCBOR.encode(decoded.set('fmt', 'android-key') as never));
    };
    const key = new Authenticator({ attestation: 'maker' });
    expect(await world.enrol(ada, key, { attestationObject: relabelled })).toEqual({ kind: 'not_allowed' });
  });

  test('refuses an attestation that was signed for another request', async () => {
    world = openPasskeys(database, { policy: { attestation: 'direct' } });
    const swapped = (object: Buffer) => {
      const decoded = isoCBOR.decodeFirst<Map<string, Map<string, unknown>>>(new Uint8Array(object));
      const signature = decoded.get('attStmt')!.get('sig') as Uint8Array;
      signature[signature.length - 1]! ^= 1;
      return Buffer.from(isoCBOR.encode(decoded as never));
    };
    const key = new Authenticator({ attestation: 'maker' });
    expect(await world.enrol(ada, key, { attestationObject: swapped })).toEqual({ kind: 'refused' });
  });

  test.each([
    ['a certificate that signs for nobody', { attestationRoots: [certificate('authenticator.pem')] }],
    ['text that is no certificate', { attestationRoots: ['trust me'] }],
    ['a model that is none', { allowedAuthenticators: ['yubikey'] }],
    ['an origin with a path', { relatedOrigins: ['https://example.com/login'] }],
    ['an origin without TLS', { relatedOrigins: ['http://example.com'] }],
    ['a name with a port', { rpId: 'example.com:8443' }],
  ])('cannot contain %s', (_title, policy) => {
    expect(sections.passkeys.safeParse(policy).success).toBe(false);
  });
});

describe('an owner', () => {
  const by = { actor: { type: 'user' as const, id: 'usr_x' }, visitor };
  const only = async (user = ada) => (await world.passkeys.list(user.id))[0]!;

  test('names a passkey, and removes the name again', async () => {
    await world.enrol(ada, new Authenticator());
    const { id } = await only();
    expect(await world.passkeys.rename(ada.id, id, `  ${'Work laptop '.repeat(9)}`, by)).toBe(true);
    expect((await only()).name).toHaveLength(64);
    await world.passkeys.rename(ada.id, id, '   ', by);
    expect((await only()).name).toBeNull();
    expect(world.audit.types().slice(-2)).toEqual(['user.passkey_renamed', 'user.passkey_renamed']);
  });

  test('deletes a passkey, and the browser receives the remaining ones', async () => {
    await world.enrol(ada, new Authenticator());
    const kept = new Authenticator();
    await world.enrol(ada, kept);
    const { id } = await only();
    expect(await world.passkeys.remove(ada.id, id, by)).toBe(true);
    expect(await world.passkeys.remove(ada.id, id, by)).toBe(false);
    expect(world.notices.at(-1)).toMatchObject({ kind: 'passkey_removed', userId: ada.id, name: 'macOS' });
    expect(await world.passkeys.accepted(ada.id)).toEqual({
      rpId: 'id.example.com',
      userId: kept.credentials[0]!.userHandle,
      allAcceptedCredentialIds: [kept.credentials[0]!.id.toString('base64url')],
    });
  });

  test('cannot change another user’s passkey', async () => {
    const mallory = await world.person(`mallory${turn}@example.com`);
    await world.enrol(ada, new Authenticator());
    const { id } = await only();
    expect(await world.passkeys.rename(mallory.id, id, 'mine', by)).toBe(false);
    expect(await world.passkeys.remove(mallory.id, id, by)).toBe(false);
    expect(await world.passkeys.list(ada.id)).toMatchObject([{ id, name: 'macOS' }]);
  });

  test('keeps the last one if a second factor is required', async () => {
    world = openPasskeys(database, { enforcement: 'required' });
    await world.enrol(ada, new Authenticator());
    const { id } = await only();
    await expect(world.passkeys.remove(ada.id, id, by)).rejects.toMatchObject({ code: 'credentials.last_factor' });
    await world.enrol(ada, new Authenticator());
    expect(await world.passkeys.remove(ada.id, id, by)).toBe(true);
  });

  test('declines the offer for now', async () => {
    const policies = policiesWith();
    const state = passkeyStateBy(new URL(origin), policies);
    const secondFactorOverviews = new SecondFactorOverviews(world.clock, database, state, policies);
    expect(await secondFactorOverviews.find(ada.id)).toMatchObject({ offerDeclinedAt: null });
    await world.webauthnUsers.declineOffer(ada.id);
    expect(await secondFactorOverviews.find(ada.id)).toMatchObject({ offerDeclinedAt: world.clock.now() });
  });
});
