import { commonNetworks } from '#kernel/http/address.ts';
import { leastPasswordLength } from './password-length.ts';
import type { Policy, PolicyInForce } from './policies.ts';
import type { Demand, TightenedSection, Tightening } from './tightening.ts';

/** The value of one member for the policy of the instance and what others demand of its section. */
type Combine<S extends TightenedSection, M extends keyof Policy<S>> = (
  instance: PolicyInForce,
  demands: readonly Demand<S>[],
) => Policy<S>[M];

type Table = { readonly [S in TightenedSection]: { readonly [M in keyof Policy<S>]-?: Combine<S, M> } };

/** From the least strict to the strictest. */
const enforcements = ['off', 'optional', 'administrators', 'required'] as const;

/** Joins the value of the instance with each value that is demanded, whatever their order. */
const joining =
  <S extends TightenedSection, M extends keyof Policy<S>>(
    section: S,
    member: M,
    join: (one: NonNullable<Policy<S>[M]>, other: NonNullable<Policy<S>[M]>) => NonNullable<Policy<S>[M]>,
  ): Combine<S, M> =>
  (instance, demands) =>
    [instance[section] as Demand<S>, ...demands].reduce<Policy<S>[M] | undefined>((strictest, demand) => {
      const value = demand[member];
      if (value === undefined || value === null) return strictest;
      return strictest === undefined || strictest === null ? value : join(strictest, value);
    }, undefined) as Policy<S>[M];

const least = (one: number, other: number): number => Math.min(one, other);
const most = (one: number, other: number): number => Math.max(one, other);
const both = (one: boolean, other: boolean): boolean => one && other;
const either = (one: boolean, other: boolean): boolean => one || other;
const common = <T>(some: readonly T[], others: readonly T[]): T[] => some.filter((each) => others.includes(each));
const every = <T>(some: readonly T[], others: readonly T[]): T[] => [...new Set([...some, ...others])];

const isDemanding = ({ enforcement }: Demand<'mfa'>): boolean =>
  enforcement === 'required' || enforcement === 'administrators';

/** Days of grace count only with a demand of a second factor; a demand without them has the days of the instance. */
function graceDays({ mfa }: PolicyInForce, demands: readonly Demand<'mfa'>[]): number {
  const given = demands
    .filter((demand) => isDemanding(demand) || demand.graceDays !== undefined)
    .map((demand) => demand.graceDays ?? mfa.graceDays);
  return given.length === 0 ? mfa.graceDays : Math.min(...given, ...(isDemanding(mfa) ? [mfa.graceDays] : []));
}

/** How each member of the tightened sections combines: the strictest wins. A member that only the instance decides keeps its value. */
export const combinations: Table = {
  signIn: {
    methods: joining('signIn', 'methods', common),
    rememberAccounts: ({ signIn }) => signIn.rememberAccounts,
  },
  mfa: {
    enforcement: joining('mfa', 'enforcement', (one, other) =>
      enforcements.indexOf(one) < enforcements.indexOf(other) ? other : one,
    ),
    factors: joining('mfa', 'factors', common),
    emailCodes: joining('mfa', 'emailCodes', both),
    smsCodes: joining('mfa', 'smsCodes', both),
    graceDays,
    trustDays: joining('mfa', 'trustDays', least),
    totpWindow: joining('mfa', 'totpWindow', least),
  },
  password: {
    // The length that the instance demands by default may depend on its own demand of a second factor, and on no other's.
    minimumLength: (instance, demands) =>
      Math.max(leastPasswordLength(instance), ...demands.map(({ minimumLength }) => minimumLength ?? 0)),
    minimumScore: joining('password', 'minimumScore', most),
    blockedWords: joining('password', 'blockedWords', every),
    breachCheck: joining('password', 'breachCheck', either),
    breachUrl: ({ password }) => password.breachUrl,
    history: joining('password', 'history', most),
  },
  session: {
    idleSeconds: joining('session', 'idleSeconds', least),
    absoluteSeconds: joining('session', 'absoluteSeconds', least),
    rememberSeconds: joining('session', 'rememberSeconds', least),
  },
  networks: { allowed: joining('networks', 'allowed', commonNetworks) },
};

/** The policy of the instance as others tighten it. */
export function tightened(instance: PolicyInForce, tightenings: readonly Tightening[]): PolicyInForce {
  const sections = Object.entries(combinations).map(([section, members]) => {
    const demands = tightenings.flatMap((each) => each[section as TightenedSection] ?? []);
    const values = Object.entries(members).map(([member, combine]) => [
      member,
      (combine as Combine<TightenedSection, never>)(instance, demands as never),
    ]);
    return [section, Object.fromEntries(values.filter(([, value]) => value !== undefined))];
  });
  return { ...instance, ...(Object.fromEntries(sections) as Pick<PolicyInForce, TightenedSection>) };
}
