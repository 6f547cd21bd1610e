import type { Configuration } from 'oidc-provider';
import { scopeClaims } from '#kernel/claims.ts';
import type { Property } from '#settings/module.ts';

/**
 * OpenID Connect Core §5.4: the claims of each scope; claims with null are requested one by one. Method and time of the
 * sign-in are in every ID token, not only if max_age or acr_values request them.
 */
const claims = {
  openid: ['sub', 'auth_time', 'acr', 'amr'],
  ...scopeClaims,
  iss: null,
  sid: null,
} as const satisfies NonNullable<Configuration['claims']>;

/** With the properties that the operator shows to relying parties: they belong to the scope `profile`, each under its own name. */
export function claimsWith(properties: readonly Property[]): NonNullable<Configuration['claims']> {
  const shown = properties.filter(({ visibility }) => visibility === 'claims').map(({ name }) => name);
  return { ...claims, profile: [...claims.profile, ...shown] };
}

/**
 * Whether a client that keeps to some scopes may be told a claim. Asking for claims one by one is no way round: each belongs
 * to the scope that asks for it; how and when a user signed in belongs to every sign-in.
 */
export function mayBeTold(scope: string | undefined, claim: string, properties: readonly Property[]): boolean {
  if (scope === undefined) return true;
  const holders = Object.entries(claimsWith(properties) as Record<string, readonly string[] | null>).filter(
    ([, members]) => members?.includes(claim),
  );
  return holders.length === 0 || holders.some(([name]) => scope.split(' ').includes(name));
}

export const scopes = ['openid', 'offline_access', 'profile', 'email', 'address', 'phone'] as const;

/** Every claim that can be asked for by itself (OpenID Connect Core §5.5); any other name is passed over. */
export const claimNames: ReadonlySet<string> = new Set(
  Object.entries(claims).flatMap(([name, members]) => members ?? [name]),
);
