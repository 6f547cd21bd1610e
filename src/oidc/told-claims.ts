import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { ownMember } from '#applications/clients/module.ts';

/** Member of the data of an account that says where the claims go. */
export const PLACE = Symbol('place of claims');
export type Place = 'id_token' | 'userinfo';

type ScopeClaims = NonNullable<Configuration['claims']>;

/**
 * The claims of the granted scopes that an ID token holds beside the claims of `openid`: the client lists them in its member
 * `id_token_claims`. Null for all of them: `*`, and where no token of the answer opens userinfo (OpenID Connect Core §5.4).
 */
export function claimsInIdToken(
  { client, ctx }: { client: Client; ctx: KoaContextWithOIDC | undefined },
  granted: readonly string[],
  scopeClaims: ScopeClaims,
): readonly string[] | null {
  const wanted = ownMember(client, 'id_token_claims') ?? [];
  if (wanted.includes('*') || (ctx && isOnlyAnswer(ctx))) return null;
  const allowed = new Set(
    granted.flatMap((scope) => (Array.isArray(scopeClaims[scope]) ? (scopeClaims[scope] as string[]) : [])),
  );
  return wanted.filter((claim) => allowed.has(claim));
}

function isOnlyAnswer({ oidc }: KoaContextWithOIDC): boolean {
  const { route, params, entities } = oidc;
  if (route === 'token') return entities.AccessToken?.aud !== undefined;
  return params?.['response_type'] === 'id_token' || params?.['resource'] !== undefined;
}
