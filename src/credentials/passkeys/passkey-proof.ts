import {
  generateAuthenticationOptions,
  type PublicKeyCredentialRequestOptionsJSON,
  verifyAuthenticationResponse,
} from '@simplewebauthn/server';
import type { Visitor } from '#audit/module.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { canonicalEmail, type UserId } from '#users/module.ts';
import { type Assertion, readAssertion, readClientData } from './browser-answer.ts';
import { CHALLENGE_LIFETIME, type Challenges, type Purpose } from './challenge.ts';
import type { Decoys } from './decoys.ts';
import type { Descriptor } from './descriptor.ts';
import type { PasskeyId } from './passkey.ts';
import type { PasskeyDependencies, PasskeyService } from './passkey-service.ts';
import type { RelyingParty } from './relying-party.ts';

export type ProofOutcome =
  | { kind: 'verified'; userId: UserId; passkeyId: PasskeyId; isUserVerified: boolean; amr: readonly string[] }
  /** The question was never asked, was asked too long ago, or has been answered. */
  | { kind: 'expired' }
  /** Nobody here has it, any more or at all. */
  | { kind: 'unknown'; credentialId: string }
  /** It may have been copied, so it is good for nothing. */
  | { kind: 'flagged'; userId: UserId }
  | { kind: 'refused'; reason: Refusal; userId: UserId | null };

/** For the record; whoever is refused is not told which. */
export type Refusal =
  | 'unavailable'
  | 'malformed'
  | 'other_ceremony'
  | 'framed'
  | 'not_verified'
  | 'other_person'
  | 'backup_eligibility'
  | 'disabled';

export type Verify = typeof verifyAuthenticationResponse;

/** Which proof is asked for. `binding` is the sign-in or the session that it is for. */
export type Question = { binding: string } & (
  | { purpose: 'sign_in' }
  | { purpose: 'sign_in_as'; identifier: string; userId: UserId | null }
  | { purpose: 'second_factor'; userId: UserId }
);
export type ProofPurpose = Exclude<Purpose, 'register'>;

type Stored = {
  id: PasskeyId;
  userId: UserId;
  credentialId: string;
  publicKey: Uint8Array<ArrayBuffer>;
  isBackupEligible: boolean;
  isFlagged: boolean;
  isActive: boolean;
  handle: string;
};
type Row = {
  id: string;
  user_id: string;
  public_key: Uint8Array;
  is_backup_eligible: boolean;
  flagged_at: unknown;
  status: string;
  handle: Uint8Array;
};

/** Proving who one is with a passkey or a security key. */
export class PasskeyProof {
  readonly #deps: PasskeyDependencies;
  readonly #passkeys: PasskeyService;
  readonly #challenges: Challenges;
  readonly #decoys: Decoys;
  readonly #verify: Verify;

  constructor(
    dependencies: PasskeyDependencies,
    passkeys: PasskeyService,
    challenges: Challenges,
    decoys: Decoys,
    verify: Verify = verifyAuthenticationResponse,
  ) {
    this.#deps = dependencies;
    this.#passkeys = passkeys;
    this.#challenges = challenges;
    this.#decoys = decoys;
    this.#verify = verify;
  }

  /** What to ask an authenticator; null where there are no passkeys. */
  async options(question: Question): Promise<PublicKeyCredentialRequestOptionsJSON | null> {
    const { relyingParty } = this.#passkeys;
    if (relyingParty === null) return null;
    const { purpose, binding } = question;
    const userId = 'userId' in question ? question.userId : null;
    const allowed = await this.#allowed(question);
    const challenge = await this.#challenges.issue({ purpose, binding, userId });
    return generateAuthenticationOptions({
      rpID: relyingParty.id,
      challenge: new Uint8Array(Buffer.from(challenge, 'base64url')),
      timeout: CHALLENGE_LIFETIME,
      userVerification: this.#verification(purpose),
      allowCredentials: allowed.map(({ id, transports }) => ({ id, transports: [...transports] as never })),
    });
  }

  /** Checks what the browser brought; `answer` is its JSON. The policy is ours, whatever the answer says. */
  async verify(
    { purpose, binding }: { purpose: ProofPurpose; binding: string },
    answer: string,
    visitor: Visitor,
  ): Promise<ProofOutcome> {
    const refused = (reason: Refusal, userId: UserId | null = null): ProofOutcome => ({
      kind: 'refused',
      reason,
      userId,
    });
    const { relyingParty } = this.#passkeys;
    if (relyingParty === null) return refused('unavailable');
    const assertion = readAssertion(answer);
    const clientData = assertion && readClientData(assertion.response.clientDataJSON);
    if (!assertion || !clientData) return refused('malformed');

    const ceremony = await this.#challenges.consume(clientData.challenge, { purpose, binding });
    if (ceremony === null) return { kind: 'expired' };
    if (ceremony === 'foreign') return refused('other_ceremony');
    if (clientData.isFramed) return refused('framed');

    const passkey = await this.#find(assertion.id);
    if (passkey === null) return { kind: 'unknown', credentialId: assertion.id };
    const { userId } = passkey;
    const proof = await this.#checked(assertion, clientData.challenge, relyingParty, purpose, passkey);
    if (proof === null) return refused('not_verified', userId);
    // WebAuthn 3 §7.2 steps 5 and 6: whose it is was either known before, or is said by the authenticator.
    const handle = assertion.response.userHandle ?? '';
    const isRightPerson = purpose === 'sign_in' ? handle !== '' : ceremony.userId === userId;
    if (!isRightPerson || (handle !== '' && handle !== passkey.handle)) return refused('other_person', userId);
    if (proof.isBackupEligible !== passkey.isBackupEligible) return refused('backup_eligibility', userId);
    if (!passkey.isActive) return refused('disabled', userId);
    if (passkey.isFlagged || !(await this.#countUse(passkey.id, proof))) {
      await this.#flag(passkey, visitor);
      return { kind: 'flagged', userId };
    }
    return {
      kind: 'verified',
      userId,
      passkeyId: passkey.id,
      isUserVerified: proof.isUserVerified,
      amr: amrOf(proof),
    };
  }

  #verification(purpose: ProofPurpose): 'required' | 'preferred' | 'discouraged' {
    return purpose === 'second_factor' ? this.#deps.policies().passkeys.secondFactorVerification : 'required';
  }

  async #allowed(question: Question): Promise<Descriptor[]> {
    switch (question.purpose) {
      case 'sign_in':
        return [];
      case 'sign_in_as': {
        const { identifier, userId } = question;
        const decoys = this.#decoys.of(canonicalEmail(identifier) ?? identifier);
        // Nobody has passkeys at this id, so that a miss asks the database what a hit asks.
        const own = await this.#passkeys.usable(userId ?? NOBODY);
        return own.length > 0 ? own : decoys;
      }
      case 'second_factor':
        return this.#passkeys.usable(question.userId);
    }
  }

  async #find(credentialId: string): Promise<Stored | null> {
    const [row] = await this.#deps.database.sql<Row>(
      `select p.id, p.user_id, p.public_key, p.is_backup_eligible, p.flagged_at, u.status, w.handle
       from passkey p join users u on u.id = p.user_id join webauthn_user w on w.user_id = p.user_id where p.credential_id = $1`,
      [Buffer.from(credentialId, 'base64url')],
    );
    if (!row) return null;
    return {
      id: fromUuid('psk', row.id),
      userId: fromUuid('usr', row.user_id),
      credentialId,
      publicKey: new Uint8Array(row.public_key),
      isBackupEligible: row.is_backup_eligible,
      isFlagged: row.flagged_at !== null,
      isActive: row.status === 'active',
      handle: Buffer.from(row.handle).toString('base64url'),
    };
  }

  /** What the authenticator has signed, or null when it has not: whatever is not a plain yes is a no. */
  async #checked(
    assertion: Assertion,
    challenge: string,
    { id, origins }: RelyingParty,
    purpose: ProofPurpose,
    { credentialId, publicKey }: Stored,
  ): Promise<Signed | null> {
    try {
      if (hasAttestedData(assertion)) return null;
      const result = await this.#verify({
        response: { ...assertion, clientExtensionResults: {} } as Parameters<Verify>[0]['response'],
        expectedChallenge: challenge,
        expectedOrigin: [...origins],
        expectedRPID: id,
        requireUserVerification: this.#verification(purpose) === 'required',
        // The count is compared by the write that moves it, and once the signature is known to be good: else anybody could have a passkey flagged.
        credential: { id: credentialId, publicKey, counter: 0 },
      });
      if (!result?.verified) return null;
      const { newCounter, userVerified, credentialDeviceType, credentialBackedUp } = result.authenticationInfo;
      return {
        signCount: newCounter,
        isUserVerified: userVerified,
        isBackupEligible: credentialDeviceType === 'multiDevice',
        isBackedUp: credentialBackedUp,
      };
    } catch {
      return null;
    }
  }

  /** Notes the use, unless the authenticator counts and has not counted on (WebAuthn 3 §6.1.1): then there are two of it. */
  async #countUse(id: PasskeyId, { signCount, isBackedUp }: Signed): Promise<boolean> {
    const rows = await this.#deps.database.sql(
      `update passkey set sign_count = $2::bigint, is_backed_up = $3, last_used_at = $4
       where id = $1 and flagged_at is null and (sign_count < $2::bigint or (sign_count = 0 and $2::bigint = 0)) returning 1`,
      [toUuid(id), signCount, isBackedUp, this.#deps.clock.now()],
    );
    return rows.length > 0;
  }

  async #flag({ id, userId }: Stored, visitor: Visitor): Promise<void> {
    const { database, clock, audit, tellOwner } = this.#deps;
    await database.transaction(async (em) => {
      const [flagged] = await em.execute<{ name: string | null }[]>(
        'update passkey set flagged_at = ? where id = ? and flagged_at is null returning name',
        [clock.now(), toUuid(id)],
      );
      if (!flagged) return;
      await audit.record(em, {
        type: 'user.passkey_flagged',
        actor: { type: 'system' },
        subject: { type: 'user', id: userId },
        outcome: 'failure',
        visitor,
        details: { passkey: id, name: flagged.name, reason: 'sign_count' },
      });
      await tellOwner(em, { kind: 'passkey_flagged', userId, name: flagged.name, visitor });
    });
  }
}

type Signed = { signCount: number; isUserVerified: boolean; isBackupEligible: boolean; isBackedUp: boolean };

const NOBODY = fromUuid('usr', '00000000-0000-0000-0000-000000000000');

/** WebAuthn 3 §6.1: an assertion carries no key. The library would read one that came all the same. */
function hasAttestedData({ response }: Assertion): boolean {
  const flags = Buffer.from(response.authenticatorData, 'base64url')[32] ?? 0;
  return (flags & 0x40) !== 0;
}

/**
 * RFC 8176, and nothing that we do not know: `hwk` for a key that its authenticator says it cannot give away, `swk` for one
 * that may be synced; `user` because somebody was there; `mfa` when that was proved by a fingerprint, a face or a PIN, of
 * which we are not told which.
 */
function amrOf({ isBackupEligible, isUserVerified }: Signed): string[] {
  return [isBackupEligible ? 'swk' : 'hwk', 'user', ...(isUserVerified ? ['mfa'] : [])];
}
