import type { SecondFactorOverviews, TrustedDevices } from '#credentials/module.ts';
import type { Interaction, StandingPart } from '#interaction/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import type { Policies } from '#settings/module.ts';
import type { UserId } from '#users/module.ts';
import type { SecondFactorRequests } from './second-factor-requests.ts';
import { holdsUsable, standingPart } from './standing-part.ts';

export type StandingDependencies = {
  clock: Clock;
  secondFactorOverviews: Pick<SecondFactorOverviews, 'find'>;
  trustedDevices: Pick<TrustedDevices, 'isTrusted'>;
  requests: Pick<SecondFactorRequests, 'find'>;
  texts: Pick<Texts, 'reaches'>;
  /** Whether an organization that the person belongs to demands a second factor. */
  isDemandedElsewhere: (userId: UserId) => Promise<boolean>;
  policies: Policies<'mfa'>;
};

/** What the second step is for somebody, here and now. */
export class StandingService {
  readonly #deps: StandingDependencies;

  constructor(dependencies: StandingDependencies) {
    this.#deps = dependencies;
  }

  async find(
    userId: UserId,
    interaction: Interaction,
    { trustSecret, ip }: { trustSecret: string | undefined; ip: string },
  ): Promise<StandingPart> {
    const { clock, secondFactorOverviews, trustedDevices, requests, texts, isDemandedElsewhere, policies } = this.#deps;
    const policy = policies.for({ user: userId, client: interaction.question.client.id }).mfa;
    const [person, { askedAt, resetAt }, isDemanded] = await Promise.all([
      secondFactorOverviews.find(userId, interaction.uid),
      requests.find(userId),
      isDemandedElsewhere(userId),
    ]);
    if (person === null) return {};
    const part = standingPart({
      person,
      policy,
      askedAt,
      resetAt,
      proved: interaction.facts.proved,
      canText: person.phoneNumber !== null && texts.reaches(person.phoneNumber),
      isDemandedElsewhere: isDemanded,
      now: clock.now(),
    });
    // Trust spares a factor that could be asked for. Where none can be, it proves nothing.
    const isTrustable = holdsUsable({ person, policy }) || !part.hasConfirmed;
    if (part.required === 1 || resetAt !== null || !isTrustable) return part;
    const user = { id: userId, status: person.status, roles: person.roles };
    return { ...part, isTrusted: await trustedDevices.isTrusted(user, trustSecret, { ip }) };
  }
}
