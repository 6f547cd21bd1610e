import type { By } from '#audit/module.ts';
import {
  type Enrolment,
  methods,
  type RecoveryCodes,
  type SecondFactorRequests,
  type TotpEnrolments,
} from '#credentials/module.ts';
import type { DueInteraction } from '#interaction/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { UserId } from '#users/module.ts';
import { graceEnd } from './mfa-requirements.ts';

type Choice = Enrolment;

/** What can be added now, and until when that may be put off; null when it may not. */
export type EnrolmentOffer = { choices: readonly Choice[]; graceEnd: Date | null };

export type EnrolmentDependencies = {
  clock: Clock;
  totpEnrolments: Pick<TotpEnrolments, 'offer' | 'confirm'>;
  recoveryCodes: Pick<RecoveryCodes, 'find' | 'make'>;
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

  /** Turns the app on that was shown in this sign-in. */
  async confirmTotp(due: DueInteraction, code: string, by: By) {
    const { userId, uid: holder } = due;
    const outcome = await this.#deps.totpEnrolments.confirm({ userId, holder, code, name: '' }, by);
    if (outcome.kind === 'confirmed') await this.enrolled(due, by);
    return outcome;
  }

  /** A factor was added in this sign-in: a user without recovery codes gets some, which the sign-in then shows. */
  async enrolled({ userId, uid }: { userId: UserId; uid: string }, by: By): Promise<void> {
    const codes = await this.#deps.recoveryCodes.find(userId);
    if ((codes?.left ?? 0) === 0) await this.#deps.recoveryCodes.make({ userId, holder: uid }, by);
  }
}
