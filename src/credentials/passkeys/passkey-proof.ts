import {
  generateAuthenticationOptions,
  type PublicKeyCredentialRequestOptionsJSON,
  verifyAuthenticationResponse,
} from '@simplewebauthn/server';
import type { By } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { fromUuid } from '#kernel/ids.ts';
import { canonicalIdentifier, type UserId } from '#directory/users/module.ts';
import { amrOf, checkAssertion, type Verify } from './assertion-check.ts';
import { type Assertion, readAssertion, readClientData } from './browser-answer.ts';
import type { Challenges, Purpose } from './challenge.ts';
import type { Decoys } from './decoys.ts';
import type { Descriptor, RelyingParty } from './relying-party.ts';
import type { PasskeyId } from './passkey.ts';
import type { PasskeyDependencies, PasskeyService } from './passkey-service.ts';
import { type Stored, StoredPasskeys } from './stored-passkeys.ts';
import { CHALLENGE_LIFETIME } from '../lifetimes.ts';

type Verified = {
  kind: 'verified';
  userId: UserId;
  passkeyId: PasskeyId;
  isUserVerified: boolean;
  amr: readonly string[];
};

export type ProofOutcome =
  | Verified
  /** The question was never asked, was asked too long ago, or has been answered. */
  | { kind: 'expired' }
  /** The passkey is unknown or was removed. */
  | { kind: 'unknown'; credentialId: string }
  /** It may have been copied, so it is good for nothing. */
  | { kind: 'flagged'; userId: UserId }
  | { kind: 'refused'; reason: Refusal; userId: UserId | null };

/** For the audit log; the refused user does not see the reason. */
type Refusal =
  | 'unavailable'
  | 'malformed'
  | 'other_ceremony'
  | 'framed'
  | 'not_verified'
  | 'other_person'
  | 'backup_eligibility'
  | 'disabled'
  | 'model_not_allowed';

/** Which proof is asked for. `binding` is the sign-in or the session that it is for. */
export type Question = { binding: string } & (
  | { purpose: 'sign_in' }
  | { purpose: 'sign_in_as'; identifier: string; userId: UserId | null }
  | { purpose: 'second_factor'; userId: UserId }
);
export type ProofPurpose = Exclude<Purpose, 'register'>;
type Asked = { purpose: ProofPurpose; binding: string };

/** The browser's response, and the stored passkey that it names. */
type Brought = {
  assertion: Assertion;
  clientData: NonNullable<ReturnType<typeof readClientData>>;
  passkey: Stored | null;
  relyingParty: RelyingParty;
};

/** Proving who one is with a passkey or a security key. */
export class PasskeyProof {
  readonly #deps: PasskeyDependencies;
  readonly #passkeys: PasskeyService;
  readonly #challenges: Challenges;
  readonly #decoys: Decoys;
  readonly #stored: StoredPasskeys;
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
    this.#stored = new StoredPasskeys(dependencies, passkeys.stateOf);
    this.#verify = verify;
  }

  /** The request to an authenticator; null if passkeys are off. */
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
      userVerification: this.#verification(purpose, userId),
      allowCredentials: allowed.map(({ id, transports }) => ({ id, transports: [...transports] as never })),
    });
  }

  /**
   * Checks what the browser brought; `answer` is its JSON. The policy is ours, whatever the answer says. `act` runs for the owner in
   * the transaction that uses the challenge up: when it throws, the challenge was not used.
   */
  async verify(
    asked: Asked,
    answer: string,
    by: By,
    act: (em: EntityManager, proof: Verified) => Promise<unknown> = async () => undefined,
  ): Promise<ProofOutcome> {
    const { relyingParty } = this.#passkeys;
    if (relyingParty === null) return refused('unavailable');
    const assertion = readAssertion(answer);
    const clientData = assertion && readClientData(assertion.response.clientDataJSON);
    if (!assertion || !clientData) return refused('malformed');
    const passkey = await this.#stored.find(assertion.id);
    const brought = { assertion, clientData, passkey, relyingParty };
    const outcome = await this.#deps.database.transaction(async (em) => {
      const proof = await this.#prove(em, asked, brought);
      if (proof.kind === 'verified') await act(em, proof);
      return proof;
    });
    if (outcome.kind === 'flagged' && passkey !== null) await this.#stored.flag(passkey, by);
    return outcome;
  }

  /** A challenge is consumed by its first answer, good or bad. */
  async #prove(
    em: EntityManager,
    { purpose, binding }: Asked,
    { assertion, clientData, passkey, relyingParty }: Brought,
  ): Promise<ProofOutcome> {
    if (passkey !== null) await this.#stored.lock(em, passkey.id);
    const ceremony = await this.#challenges.consume(em, clientData.challenge, { purpose, binding });
    if (ceremony === null) return { kind: 'expired' };
    if (ceremony === 'foreign') return refused('other_ceremony');
    if (clientData.isFramed) return refused('framed');

    if (passkey === null) return { kind: 'unknown', credentialId: assertion.id };
    const { userId } = passkey;
    const proof = await checkAssertion(this.#verify, assertion, {
      challenge: clientData.challenge,
      relyingParty,
      mustVerifyUser: this.#verification(purpose, userId) === 'required',
      passkey,
    });
    if (proof === null) return refused('not_verified', userId);
    // WebAuthn 3 §7.2 steps 5 and 6: whose it is was either known before, or is said by the authenticator.
    const handle = assertion.response.userHandle ?? '';
    const isRightPerson = purpose === 'sign_in' ? handle !== '' : ceremony.userId === userId;
    if (!isRightPerson || (handle !== '' && handle !== passkey.handle)) return refused('other_person', userId);
    if (proof.isBackupEligible !== passkey.isBackupEligible) return refused('backup_eligibility', userId);
    if (!passkey.isActive) return refused('disabled', userId);
    if (passkey.state === 'model_not_allowed') return refused('model_not_allowed', userId);
    if (passkey.state !== 'active' || !(await this.#stored.countUse(em, passkey.id, proof)))
      return { kind: 'flagged', userId };
    return {
      kind: 'verified',
      userId,
      passkeyId: passkey.id,
      isUserVerified: proof.isUserVerified,
      amr: amrOf(proof),
    };
  }

  #verification(purpose: ProofPurpose, user: UserId | null): 'required' | 'preferred' | 'discouraged' {
    if (purpose !== 'second_factor' || user === null) return 'required';
    return this.#deps.policies.for({ user }).passkeys.secondFactorVerification;
  }

  async #allowed(question: Question): Promise<Descriptor[]> {
    switch (question.purpose) {
      case 'sign_in':
        return [];
      case 'sign_in_as': {
        const { identifier, userId } = question;
        const decoys = this.#decoys.of(canonicalIdentifier(identifier) ?? identifier);
        // No user has this id, so that a miss runs the same statement as a hit.
        const own = await this.#passkeys.usable(userId ?? NO_USER);
        return own.length > 0 ? own : decoys;
      }
      case 'second_factor':
        return this.#passkeys.usable(question.userId);
    }
  }
}

const refused = (reason: Refusal, userId: UserId | null = null): ProofOutcome => ({ kind: 'refused', reason, userId });

const NO_USER = fromUuid('usr', '00000000-0000-0000-0000-000000000000');
