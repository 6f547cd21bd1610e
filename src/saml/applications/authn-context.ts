import type { Level } from '#oidc/module.ts';

const classes = 'urn:oasis:names:tc:SAML:2.0:ac:classes:';
const UNSPECIFIED = `${classes}unspecified`;
const PASSWORD = `${classes}PasswordProtectedTransport`;
/** The profile of REFEDS, which most products understand. */
const MULTI_FACTOR = 'https://refeds.org/profile/mfa';

/** The level that each authentication context class stands for. Classes that name a device of their own are none of ours. */
const levels: Readonly<Record<string, Level>> = {
  [`${classes}Password`]: 1,
  [PASSWORD]: 1,
  'https://refeds.org/profile/sfa': 1,
  'urn:latchkey:acr:1': 1,
  [`${classes}TimeSyncToken`]: 2,
  [`${classes}MobileTwoFactorContract`]: 2,
  [`${classes}MobileTwoFactorUnregistered`]: 2,
  [MULTI_FACTOR]: 2,
  'http://schemas.microsoft.com/claims/multipleauthn': 2,
  'urn:latchkey:acr:2': 2,
  'urn:latchkey:acr:3': 3,
};
const levelOf = (name: string): Level | undefined => (Object.hasOwn(levels, name) ? levels[name] : undefined);

/** SAML Core §3.3.2.2.1. */
export type Requested = { comparison: string; classes: readonly string[] } | null;

/** The level that a request demands; `unmet` where it names nothing of ours. */
export function demandedLevel(requested: Requested): Level | 'unmet' {
  if (requested === null || requested.classes.length === 0 || requested.classes.includes(UNSPECIFIED)) return 1;
  const known = requested.classes.flatMap((name) => levelOf(name) ?? []);
  if (known.length === 0) return 'unmet';
  switch (requested.comparison) {
    case 'maximum':
      return 1;
    case 'better':
      return above(Math.max(...known));
    default:
      return Math.min(...known) as Level;
  }
}

const above = (level: number): Level | 'unmet' => (level >= 3 ? 'unmet' : ((level + 1) as Level));

/** The class to say: one that was asked for and that the sign-in reached, else what fits the sign-in. */
export function contextClassOf({ level, amr }: { level: Level; amr: readonly string[] }, requested: Requested): string {
  const isNamed = requested !== null && ['exact', 'minimum'].includes(requested.comparison);
  const reached = (isNamed ? requested.classes : []).filter((name) => (levelOf(name) ?? 4) <= level);
  const [strongest] = reached.toSorted((a, b) => levelOf(b)! - levelOf(a)!);
  if (strongest !== undefined) return strongest;
  if (level > 1) return MULTI_FACTOR;
  return amr.includes('pwd') ? PASSWORD : UNSPECIFIED;
}
