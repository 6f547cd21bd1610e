import type { AuditLog, By } from '#audit/module.ts';
import { beginsWith, firstFactors } from '#credentials/module.ts';
import type { Throttle } from '#kernel/throttle.ts';
import { isByDemanded, type Refusal, refusalOf } from '#oidc/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Policies, PolicyInForce } from '#settings/module.ts';
import { organizationSignInRefused } from './events.ts';
import type { KnownInteraction } from './interaction.ts';
import { SIGN_IN_OPEN_FOR } from './limits.ts';
import { beganIn } from './proof.ts';
import type { SignInFacts } from './sign-in-facts.ts';
import type { ConnectionDemand } from './upstream.ts';

type Demands = Pick<PolicyInForce, 'networks' | 'signIn' | 'mfa'>;
type Dependencies = {
  policies: Policies<keyof Demands>;
  throttle: Throttle;
  audit: Pick<AuditLog, 'note'>;
  /** The ids of the organizations that count for a user. */
  organizationsOf(userId: UserId): Promise<readonly string[]>;
};

/** `factor`: the user has a second factor, and none that the policy takes. */
type Reason = Refusal | 'factor';

/** Records the sign-ins that a policy refuses: for each organization whose policy it is, or for none where it is the instance's. */
export class RefusedSignIns {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Once for each reason, however often the page is shown. */
  async note(refused: KnownInteraction, reason: Reason, by: By): Promise<void> {
    const { throttle, audit } = this.#deps;
    const { uid, userId } = refused;
    const once = { name: 'refused-sign-ins', points: 1, duration: SIGN_IN_OPEN_FOR };
    if (!(await throttle.consume(once, `${uid} ${reason}`)).allowed) return;
    for (const organizationId of await this.#refusing(refused, reason))
      await audit.note(
        organizationSignInRefused({
          ...by,
          subject: { type: 'user', id: userId },
          ...(organizationId === null ? {} : { organizationId }),
          outcome: 'failure',
          details: { reason },
        }),
      );
  }

  async #refusing({ userId, question, facts }: KnownInteraction, reason: Reason): Promise<readonly (string | null)[]> {
    if (reason === 'way' && isUnmet(facts)) return [facts.demand.organizationId];
    if (reason !== 'factor' && refusalOfFacts({ ...facts, policy: facts.own }) === reason) return [null];
    const own = await this.#deps.organizationsOf(userId);
    const { organization: named } = question;
    const counting = named !== null && own.includes(named) ? [named] : own;
    const refusing = counting.filter((organization) => {
      const policy = this.#deps.policies.for({ organization });
      return reason === 'factor' ? asksMore(policy, facts.own) : refusalOfFacts({ ...facts, policy }) === reason;
    });
    return refusing.length === 0 ? [null] : refusing;
  }
}

const asksMore = ({ mfa }: Pick<Demands, 'mfa'>, own: Pick<Demands, 'mfa'>): boolean =>
  mfa.enforcement !== own.mfa.enforcement || mfa.factors.length < own.mfa.factors.length;

/** Whether the domain of the user's email address demands a connection by which the user did not come. */
export const isUnmet = <Given extends Pick<SignInFacts, 'demand' | 'connection'>>(
  facts: Given,
): facts is Given & { demand: ConnectionDemand } => !isByDemanded(facts.connection, facts.demand?.connections ?? null);

/** Whether a policy refuses a sign-in, whatever more is proved. */
export function refusalOfFacts({
  ip,
  proved,
  session,
  policy,
  own,
}: Pick<SignInFacts, 'ip' | 'proved' | 'session'> & {
  policy: Pick<Demands, 'networks' | 'signIn'>;
  /** The policy of the instance. */
  own: Pick<Demands, 'signIn'>;
}): Refusal | null {
  const first = firstFactors.find((factor) => factor === proved[0]);
  const begins = (methods: Demands['signIn']['methods']): boolean =>
    session ? beganIn(session.amr, methods) : first !== undefined && beginsWith(first, methods);
  return refusalOf({ ip, beganIn: begins }, policy, own);
}
