import type { SignInOutcome } from '#sign-in/interaction/module.ts';
import type { AuditLog, By } from '#audit/module.ts';
import {
  type AttemptCounter,
  LONGEST_SHOWN_WAIT,
  type PasskeyProof,
  type ProofOutcome,
  type Question,
} from '#credentials/module.ts';
import { type Clock, fromNow, SECOND } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { userSecondFactorFailed } from '#credentials/events.ts';
import { userSignInFailed } from '#sign-in/interaction/events.ts';

type Throttled = { kind: 'throttled'; until: Date; waitSeconds: number };
type PasskeyOutcome = ProofOutcome | Throttled;
type Verified = Extract<ProofOutcome, { kind: 'verified' }>;

export type SignInDependencies = {
  clock: Clock;
  passkeyProof: Pick<PasskeyProof, 'options' | 'verify'>;
  attempts: Pick<AttemptCounter, 'take' | 'succeed'>;
  /** Counts a try from an address before it is made; `forgive` takes back the one that was right. */
  addressLimit: {
    take(ip: string | undefined): Promise<{ allowed: true } | { allowed: false; retryAfter: number }>;
    forgive(ip: string | undefined): Promise<void>;
  };
  audit: Pick<AuditLog, 'note'>;
  counted?: ((outcome: SignInOutcome) => void) | undefined;
};

type Attempt = { question: Pick<Question, 'purpose' | 'binding'>; answer: string };

/** Challenges and checks of passkeys during a sign-in. */
export class PasskeySignIn {
  readonly #deps: SignInDependencies;

  constructor(dependencies: SignInDependencies) {
    this.#deps = dependencies;
  }

  /** The request to the authenticator as JSON; null if passkeys are off. */
  async options(question: Question): Promise<string | null> {
    const options = await this.#deps.passkeyProof.options(question);
    return options && JSON.stringify(options);
  }

  /**
   * A signature is nothing to guess, so failures are counted by address and by sign-in, and not by account: an attacker cannot keep
   * an owner out, and passkeys work where the password is locked. `record` writes the proof in the sign-in, in the transaction that
   * uses the challenge up.
   */
  async attempt(
    { question, answer }: Attempt,
    by: By,
    record: (em: EntityManager, proof: Verified) => Promise<void>,
  ): Promise<PasskeyOutcome> {
    const { addressLimit, attempts, passkeyProof, audit, counted } = this.#deps;
    const ip = by.visitor?.ip;
    const address = await addressLimit.take(ip);
    if (!address.allowed) return this.#throttled(fromNow(this.#deps.clock, address.retryAfter * SECOND));
    const key = `passkey:${question.binding}`;
    const take = await attempts.take(key);
    if (!take.allowed) return this.#throttled(take.until);

    const outcome = await passkeyProof.verify(question, answer, by, record);
    if (outcome.kind === 'verified') {
      await addressLimit.forgive(ip);
      await attempts.succeed(key);
      counted?.('verified');
      return outcome;
    }
    const failed = {
      ...by,
      ...('userId' in outcome && outcome.userId !== null ? { subject: { type: 'user', id: outcome.userId } } : {}),
      outcome: 'failure',
    } as const;
    const reason = outcome.kind === 'refused' ? outcome.reason : outcome.kind;
    await audit.note(
      question.purpose === 'second_factor'
        ? userSecondFactorFailed({ ...failed, details: { factor: 'passkey', reason } })
        : userSignInFailed({ ...failed, details: { method: 'passkey', reason } }),
    );
    counted?.('wrong');
    return outcome;
  }

  #throttled(until: Date | null): Throttled {
    const { clock, counted } = this.#deps;
    counted?.('throttled');
    const end = until ?? fromNow(clock, LONGEST_SHOWN_WAIT);
    const waitSeconds = Math.max(1, Math.ceil((end.getTime() - clock.now().getTime()) / SECOND));
    return { kind: 'throttled', until: end, waitSeconds };
  }
}
