import type { By } from '#audit/module.ts';
import {
  type Enrolment,
  methods,
  type RecoveryCodes,
  type SecondFactorRequests,
  type TotpEnrolments,
  type WrittenWith,
} from '#credentials/module.ts';
import type { DueInteraction } from '#sign-in/interaction/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { UserId } from '#directory/users/module.ts';
import { graceEnd } from './mfa-requirements.ts';

type Choice = Enrolment;

/** Factors that can be added now, and the time until which the user may postpone it; null if not. */
export type EnrolmentOffer = { choices: readonly Choice[]; graceEnd: Date | null };

export type EnrolmentDependencies = {
  clock: Clock;
  totpEnrolments: Pick<TotpEnrolments, 'offer' | 'confirm'>;
  recoveryCodes: Pick<RecoveryCodes, 'prepareMissing'>;
  secondFactorRequests: Pick<SecondFactorRequests, 'ask'>;
};

/** Adding a second factor in the course of a sign-in. */
export class EnrolmentService {
  readonly #deps: EnrolmentDependencies;

  constructor(dependencies: EnrolmentDependencies) {
    this.#deps = dependencies;
  }

  /** From the first look on the days of grace run. */
  async offer({ userId, needed, facts }: DueInteraction): Promise<EnrolmentOffer> {
    const { clock, secondFactorRequests } = this.#deps;
    const { held, policy } = facts;
    const askedAt = held.askedAt ?? (await secondFactorRequests.ask(userId));
    const choices = policy.mfa.factors.filter((each) =>
      methods[each].cannotBePhished ? facts.hasPasskeys : (needed ?? 2) <= 2,
    );
    const end = graceEnd(policy.mfa, { askedAt, now: clock.now() });
    const isSpared = needed === null && held.resetAt === null && end !== null && clock.now() < end;
    return { choices, graceEnd: isSpared ? end : null };
  }

  /** Turns the app on that was shown in this sign-in. `record` writes the proof in the sign-in, in the same transaction. */
  async confirmTotp(due: DueInteraction, code: string, by: By, record: (em: EntityManager) => Promise<void>) {
    const { userId, uid: holder } = due;
    return this.#deps.totpEnrolments.confirm({ userId, holder, code, name: '' }, by, async () => {
      const writeCodes = await this.missingCodes(due, by);
      return async (em) => {
        await record(em);
        await writeCodes(em);
      };
    });
  }

  /** A user without recovery codes gets some with the first factor that is added in a sign-in, which then shows them. */
  async missingCodes({ userId, uid }: { userId: UserId; uid: string }, by: By): ReturnType<WrittenWith> {
    return this.#deps.recoveryCodes.prepareMissing({ userId, holder: uid }, by);
  }
}
