import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { type Mapping, ownMember } from '#applications/clients/module.ts';
import type { ClaimSource } from '#directory/users/module.ts';
import type { Policy } from '#settings/module.ts';
import { words } from '../authority/authority.ts';
import type { Rights } from '../organizations/organization-store.ts';

/** Member of the data of an account that says where the claims go, and what they are made of beyond the standard claims. */
export const ABOUT = Symbol('what claims are made of');
export type About = {
  place: 'id_token' | 'userinfo';
  user: Omit<ClaimSource, 'updatedAt'>;
  profile: Pick<Policy<'profile'>, 'properties' | 'nameFallback'>;
  /** The organization of the claims where there is no request; null for none. */
  organization?: string | null;
};

type ScopeClaims = NonNullable<Configuration['claims']>;

/**
 * The claims of the granted scopes that an ID token holds in addition to the claims of `openid`: the client lists them in its member
 * `id_token_claims`. Null for all of them: `*`, and where no token of the answer opens userinfo (OpenID Connect Core §5.4).
 */
export function claimsInIdToken(
  { client, ctx }: { client: Client; ctx: KoaContextWithOIDC | undefined },
  granted: readonly string[],
  scopeClaims: ScopeClaims,
): readonly string[] | null {
  const wanted = ownMember(client, 'id_token_claims') ?? [];
  if (wanted.includes('*') || (ctx && isOnlyAnswer(ctx))) return null;
  return wanted.filter((claim) => isReleased(claim, granted, scopeClaims));
}

/** With a code another ID token comes from the token endpoint, so personal data need not be in an address that browsers keep. */
function isOnlyAnswer({ oidc }: KoaContextWithOIDC): boolean {
  const { route, params, entities } = oidc;
  if (route === 'token') return entities.AccessToken?.aud !== undefined;
  const types = words(params?.['response_type'] as string | undefined);
  return !types.includes('code') && (!types.includes('token') || params?.['resource'] !== undefined);
}

/** Whether a granted scope has the claim (OpenID Connect Core §5.4). */
function isReleased(claim: string, granted: readonly string[], scopeClaims: ScopeClaims): boolean {
  return granted.some((scope) => {
    const members = scopeClaims[scope];
    return Array.isArray(members) && members.includes(claim);
  });
}

/**
 * `name` and `preferred_username` of a user who has none, by the setting `profile.nameFallback`. The local part of the email address
 * is said only where the address itself is; `sub` is the subject as this client knows it.
 */
export function namesOf(
  { user: { username: own, profile, email }, profile: { nameFallback } }: About,
  { isEmailTold, sub }: { isEmailTold: boolean; sub: unknown },
): { name?: unknown; preferred_username?: unknown } {
  const { name, given_name: given, family_name: family } = profile;
  const username = own ?? profile.preferred_username;
  if (nameFallback === 'none') return { name, preferred_username: username };
  const localPart = isEmailTold && email ? email.slice(0, email.lastIndexOf('@')) : undefined;
  const last = nameFallback === 'id' ? sub : localPart;
  const full = [given, family].filter(Boolean).join(' ');
  return { name: name ?? (full || username) ?? last, preferred_username: username ?? last };
}

/** Whether a mapped claim of this place tells roles or permissions. */
export const mapsRights = (client: Client, { place }: Pick<About, 'place'>, granted: readonly string[]): boolean =>
  Object.values(ownMember(client, 'mapped_claims') ?? {}).some(
    (mapping) =>
      (mapping.source === 'roles' || mapping.source === 'permissions') &&
      (mapping.in?.includes(place) ?? true) &&
      granted.includes(mapping.scope ?? 'profile'),
  );

/**
 * The claims that the operator maps for the client (member `mapped_claims`), for one place. A claim of personal data is told where
 * a granted scope releases it, as if it were a claim of that scope; the rest says nothing about the user. `standard`: the claims of
 * the user. `rights`: in the organization of the token, or on the instance; only where `mapsRights` says that they are needed.
 */
export function mappedClaims(
  client: Client,
  { place, user, profile }: About,
  {
    granted,
    standard,
    scopeClaims,
    rights,
  }: { granted: readonly string[]; standard: object; scopeClaims: ScopeClaims; rights: Rights | null },
): Record<string, unknown> {
  const valueOf = (mapping: Mapping): unknown => {
    switch (mapping.source) {
      case 'claim':
        if (!isReleased(mapping.name, granted, scopeClaims)) return undefined;
        return (standard as Readonly<Record<string, unknown>>)[mapping.name];
      case 'property':
        if (!granted.includes(mapping.scope ?? 'profile')) return undefined;
        return profile.properties.some(({ name }) => name === mapping.name) ? user.properties[mapping.name] : undefined;
      case 'roles':
      case 'permissions':
        if (!granted.includes(mapping.scope ?? 'profile')) return undefined;
        return rights && [...rights[mapping.source]].toSorted();
      case 'scopes':
        return granted;
      case 'constant':
        return mapping.value;
    }
  };
  return Object.fromEntries(
    Object.entries(ownMember(client, 'mapped_claims') ?? {})
      .filter(([, mapping]) => mapping.in?.includes(place) ?? true)
      .map(([name, mapping]) => [name, valueOf(mapping)])
      .filter(([, value]) => value !== undefined && value !== null),
  ) as Record<string, unknown>;
}
