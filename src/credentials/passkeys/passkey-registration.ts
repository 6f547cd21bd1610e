import {
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { cose, decodeCredentialPublicKey } from '@simplewebauthn/server/helpers';
import type { By } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import { identifierOf, type User, type UserId } from '#directory/users/module.ts';
import { ALGORITHMS, checkAttestation, type NewCredential, type Verify } from './attestation-check.ts';
import { firstName } from './authenticators.ts';
import { type Attestation, readAttestation, readClientData } from './browser-answer.ts';
import type { Challenges } from './challenge.ts';
import { knownTransports } from './relying-party.ts';
import { Passkey } from './passkey.ts';
import {
  type PasskeyDependencies,
  type PasskeyService,
  type ShownPasskey,
  shown,
  shownName,
} from './passkey-service.ts';
import { CHALLENGE_LIFETIME } from '../lifetimes.ts';
import { userPasskeyAdded } from '../events.ts';
import { nothingElse, type WrittenWith } from '../written-with.ts';

type RegistrationOutcome =
  | { kind: 'registered'; passkey: ShownPasskey }
  /** The question was never asked, was asked too long ago, or has been answered. */
  | { kind: 'expired' }
  /** The response does not fit our request. */
  | { kind: 'refused' }
  /** The instance wants other authenticators. */
  | { kind: 'not_allowed' }
  /** The passkey exists already. */
  | { kind: 'taken' }
  | { kind: 'full' };

/** The user who enrols, and the sign-in or session that the challenge is bound to. */
type Enrolment = {
  userId: UserId;
  binding: string;
  /** Whether it will be all that the user has: then it must ask for a fingerprint, a face or a PIN. */
  isOnlyFactor: boolean;
};

type Verified = {
  userId: UserId;
  attestation: Attestation;
  verified: NewCredential;
  by: By;
  writeRest: Awaited<ReturnType<WrittenWith>>;
};

/** Enrols passkeys: the request to the authenticator, and the verification of its response (WebAuthn 3 §7.1). */
export class PasskeyRegistration {
  readonly #deps: PasskeyDependencies;
  readonly #passkeys: PasskeyService;
  readonly #challenges: Challenges;
  readonly #verify: Verify;

  constructor(
    dependencies: PasskeyDependencies,
    passkeys: PasskeyService,
    challenges: Challenges,
    verify: Verify = verifyRegistrationResponse,
  ) {
    this.#deps = dependencies;
    this.#passkeys = passkeys;
    this.#challenges = challenges;
    this.#verify = verify;
  }

  /** The request to an authenticator; null if passkeys are off, `full` when the user has the maximum number. */
  async options(
    user: Pick<User, 'id' | 'email' | 'username' | 'profile'>,
    { binding, isOnlyFactor }: Omit<Enrolment, 'userId'>,
  ): Promise<PublicKeyCredentialCreationOptionsJSON | 'full' | null> {
    const { relyingParty } = this.#passkeys;
    if (relyingParty === null) return null;
    const { passkeys: policy, branding } = this.#deps.policies.for({ user: user.id });
    const existing = await this.#deps.database.em().find(Passkey, { userId: user.id });
    if (existing.length >= policy.maximumPerPerson) return 'full';
    const challenge = await this.#challenges.issue({ purpose: 'register', binding, userId: user.id });
    return generateRegistrationOptions({
      rpName: branding.name,
      rpID: relyingParty.id,
      userID: new Uint8Array(await this.#deps.webauthnUsers.requireHandle(user.id)),
      userName: identifierOf(user),
      userDisplayName: user.profile.name ?? identifierOf(user),
      challenge: new Uint8Array(Buffer.from(challenge, 'base64url')),
      timeout: CHALLENGE_LIFETIME,
      attestationType: policy.attestation,
      excludeCredentials: existing.map(({ credentialId, transports }) => ({
        id: Buffer.from(credentialId).toString('base64url'),
        transports: [...transports] as never,
      })),
      authenticatorSelection: {
        residentKey: isOnlyFactor ? 'required' : policy.residentKey,
        userVerification: isOnlyFactor ? 'required' : 'preferred',
        ...(policy.attachment === 'any' ? {} : { authenticatorAttachment: policy.attachment }),
      },
      supportedAlgorithmIDs: ALGORITHMS,
    });
  }

  /**
   * Enrols what the browser brought; `answer` is its JSON. `prepare` gives what is written in the same transaction. The challenge is
   * consumed by its first answer, good or bad.
   */
  async register(
    { userId, binding, isOnlyFactor }: Enrolment,
    answer: string,
    by: By,
    prepare: WrittenWith = nothingElse,
  ): Promise<RegistrationOutcome> {
    const { relyingParty } = this.#passkeys;
    const attestation = readAttestation(answer);
    const clientData = attestation && readClientData(attestation.response.clientDataJSON);
    if (relyingParty === null || !attestation || !clientData) return { kind: 'refused' };
    const { challenge, isFramed } = clientData;
    if (!(await this.#challenges.isOpen(challenge))) return { kind: 'expired' };

    const verified = await checkAttestation(this.#verify, attestation, {
      challenge,
      relyingParty,
      mustVerifyUser: isOnlyFactor,
      policy: this.#deps.policies.for({ user: userId }).passkeys,
      clock: this.#deps.clock,
    });
    const prepared = typeof verified === 'string' ? verified : { verified, writeRest: await prepare() };
    return this.#deps.database.transaction(async (em) => {
      const ceremony = await this.#challenges.consume(em, challenge, { purpose: 'register', binding });
      if (ceremony === null) return { kind: 'expired' };
      if (ceremony === 'foreign' || ceremony.userId !== userId || isFramed) return { kind: 'refused' };
      if (typeof prepared === 'string') return { kind: prepared };
      return this.#store(em, { userId, attestation, by, ...prepared });
    });
  }

  async #store(
    em: EntityManager,
    { userId, attestation, verified, by, writeRest }: Verified,
  ): Promise<RegistrationOutcome> {
    const { credential, aaguid, fmt, userVerified, credentialDeviceType, credentialBackedUp } = verified;
    // Two at once are counted one after the other: the row of the handle is there since the options were made.
    await em.execute('select 1 from webauthn_user where user_id = ? for update', [toUuid(userId)]);
    if ((await em.count(Passkey, { userId })) >= this.#deps.policies.for({ user: userId }).passkeys.maximumPerPerson)
      return { kind: 'full' };
    const transports = knownTransports(attestation.response.transports ?? []);
    const id = newId('psk');
    const inserted = await em.execute<unknown[]>(INSERT, [
      toUuid(id),
      toUuid(userId),
      Buffer.from(credential.id, 'base64url'),
      Buffer.from(credential.publicKey),
      Number(decodeCredentialPublicKey(credential.publicKey).get(cose.COSEKEYS.alg)),
      credential.counter,
      JSON.stringify(transports),
      aaguid,
      firstName({ aaguid, transports, userAgent: by.visitor?.userAgent ?? '' }),
      credentialDeviceType === 'multiDevice',
      credentialBackedUp,
      userVerified,
      fmt,
      this.#deps.clock.now(),
    ]);
    if (inserted.length === 0) return { kind: 'taken' };
    const passkey = await em.findOneOrFail(Passkey, { id });
    await this.#deps.accessRevocation.revoke(em, 'passkey or authenticator app added', userId, by);
    await writeRest(em);
    await this.#deps.audit.record(
      em,
      userPasskeyAdded({
        ...by,
        subject: { type: 'user', id: userId },
        details: { passkey: id, name: passkey.name ?? null, aaguid, attestation: fmt, user_verified: userVerified },
      }),
    );
    await this.#deps.tellOwner(em, { kind: 'passkey_added', userId, name: shownName(passkey), visitor: by.visitor });
    return { kind: 'registered', passkey: shown(passkey, 'active') };
  }
}

/** The present owner keeps an existing id (WebAuthn 3 §7.1, step 26). */
const INSERT = `
  insert into passkey (id, user_id, credential_id, public_key, algorithm, sign_count, transports, aaguid, name,
    is_backup_eligible, is_backed_up, user_verified, attestation_format, created_at)
  values (?, ?, ?, ?, ?, ?, ?::jsonb, ?, ?, ?, ?, ?, ?, ?)
  on conflict (credential_id) do nothing returning id`;

/** Why no passkey was added, for every page that adds one: what the browser says, and what the server does. */
export type NewPasskeyProblem =
  | 'cancelled'
  | 'timed_out'
  | 'exists'
  | 'unsupported'
  | 'failed'
  | 'expired'
  | 'refused'
  | 'not_allowed'
  | 'taken'
  | 'full';
