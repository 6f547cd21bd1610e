import { isInNetworks } from '#kernel/http/address.ts';
import { DAY, SECOND } from '#kernel/clock.ts';
import type { Policy, PolicyInForce } from '#settings/module.ts';
import type { Level } from '../levels.ts';

/** Why a sign-in was complete without the second factor that a policy demands, and since when (NumericDate) that has been so. */
export type Spared = { by: 'grace' | 'trust'; since: number };

type Methods = Policy<'signIn'>['methods'];
/** The part of a sign-in on which organizations make demands. */
export type ProvedSignIn = {
  /** The address of the browser; undefined for a token of an older version. */
  ip: string | undefined;
  /** Whether it began in one of these ways. */
  beganIn(methods: Methods): boolean;
  level: Level;
  /** NumericDate. */
  authTime: number;
  spared: Spared | undefined;
  /** It was to last ("Keep me signed in"). */
  isRemembered: boolean;
};

type Demands = Pick<PolicyInForce, 'networks' | 'signIn' | 'mfa' | 'session'>;

/** A network or a way to begin that organizations do not take, whatever more is proved. */
export type Refusal = 'network' | 'way';
/** `factor`: a second factor is missing. `again`: the user must sign in again, which decides about days of grace and lifetimes. */
export type Shortfall = Refusal | 'factor' | 'again';

/**
 * Whether a sign-in came by one of the connections that alone count for its user, as the domain of their email address says. Slugs;
 * `demanded` is null where every way counts. Sessions, refresh tokens, pages of ours and the end of a sign-in ask here.
 */
export const isByDemanded = (connection: string | null | undefined, demanded: readonly string[] | null): boolean =>
  demanded === null || (typeof connection === 'string' && demanded.includes(connection));

/** Whether organizations refuse a sign-in. `own`: the policy of the instance. */
export function refusalOf(
  { ip, beganIn }: Pick<ProvedSignIn, 'ip' | 'beganIn'>,
  { networks, signIn }: Pick<Demands, 'networks' | 'signIn'>,
  own: Pick<Demands, 'signIn'>,
): Refusal | null {
  const { allowed } = networks;
  if (allowed !== undefined && (ip === undefined || !isInNetworks(ip, allowed))) return 'network';
  const closesWays = signIn.methods.length < own.signIn.methods.length;
  return closesWays && !beganIn(signIn.methods) ? 'way' : null;
}

/**
 * Compares a sign-in with the present policy; null when it lacks nothing. Sessions and refresh tokens are compared with each
 * use. They outlive changes of the policy of the instance (`own`): only organizations ask for more than a sign-in proved.
 */
export function shortfallOf(
  proved: ProvedSignIn,
  policy: Demands,
  { own, now }: { own: Demands; now: number },
): Shortfall | null {
  return refusalOf(proved, policy, own) ?? ageOf(proved, policy, own, now) ?? factorOf(proved, policy, own, now);
}

function ageOf({ authTime, isRemembered }: ProvedSignIn, policy: Demands, own: Demands, now: number): 'again' | null {
  const member = isRemembered ? 'rememberSeconds' : 'absoluteSeconds';
  const isShorter = policy.session[member] < own.session[member];
  return isShorter && authTime + policy.session[member] <= now ? 'again' : null;
}

/** Trust in a browser lasts as the sign-in had it. Days of grace count from the first request for a factor, or else from the sign-in. */
function factorOf(
  { level, authTime, spared }: ProvedSignIn,
  { mfa }: Demands,
  own: Demands,
  now: number,
): 'factor' | 'again' | null {
  const isRaised = mfa.enforcement === 'required' && own.mfa.enforcement !== 'required';
  if (!isRaised || level >= 2) return null;
  const isOver = (since: number, days: number): boolean => since + (days * DAY) / SECOND <= now;
  if (spared?.by === 'trust' && !isOver(spared.since, mfa.trustDays)) return null;
  if (mfa.graceDays === 0) return 'factor';
  return isOver(spared?.by === 'grace' ? spared.since : authTime, mfa.graceDays) ? 'again' : null;
}
