import { type Client, type Configuration, errors, type KoaContextWithOIDC, type ResponseType } from 'oidc-provider';
import { HYBRID_RESPONSE, ownMember, PROFILE_MEMBER, type ClientProfile } from '#applications/clients/module.ts';
import type { Policies, Policy } from '#settings/module.ts';

/** The profile that the operator gave the client; a registration cannot name one. */
function profileOf(client: Client | undefined): ClientProfile {
  return (client?.[PROFILE_MEMBER] as ClientProfile | undefined) ?? 'default';
}

/** Whether a FAPI profile holds for the client. */
export const isFapi = (client: Client | undefined): boolean => profileOf(client) !== 'default';

/** Whether FAPI 2.0 holds for the client, which is stricter with client assertions than FAPI 1.0. */
export const isFapi2 = (client: Client | undefined): boolean => profileOf(client).startsWith('fapi2_');

/** Whether FAPI 1.0 Advanced holds for the client. */
const isFapi1 = (client: Client | undefined): boolean => profileOf(client) === 'fapi1_advanced';

/**
 * Whether a request without PKCE is refused (RFC 9700 §2.1.1). Public and FAPI 2.0 clients always need it; clients of FAPI 1.0 where they
 * push it, because elsewhere the signed response binds the code (FAPI 1.0 Advanced §5.2.2-18). Another confidential client needs it
 * where its member `require_pkce` or else the setting `oidc.pkce` says so; one that the member exempts must bind the code by a nonce.
 */
export function isPkceRequired(
  client: Client,
  { pkce }: Pick<Policy<'oidc'>, 'pkce'>,
  { nonce, scope, isPushed }: { nonce?: unknown; scope?: unknown; isPushed?: boolean | undefined },
): boolean {
  if (client.clientAuthMethod === 'none' || isFapi2(client)) return true;
  const own = ownMember(client, 'require_pkce');
  if (isFapi1(client)) return own === true || isPushed === true;
  if (own !== false) return own ?? pkce === 'all';
  // Without an ID token there is nothing that the client could compare the nonce with.
  const hasIdToken = typeof scope === 'string' && scope.split(' ').includes('openid');
  return !hasIdToken || typeof nonce !== 'string' || nonce === '';
}

/** The rule as the engine asks it at the authorization endpoint and for pushed requests. */
export const pkce = (policies: Policies<'oidc'>): NonNullable<Configuration['pkce']> => ({
  required: ({ oidc }, client) => {
    const isRequired = isPkceRequired(client, policies.for({ client: client.clientId }).oidc, {
      ...oidc.params,
      isPushed: oidc.route === 'pushed_authorization_request' || oidc.entities.PushedAuthorizationRequest !== undefined,
    });
    if (isRequired && !isFapi1(client) && ownMember(client, 'require_pkce') === false)
      throw new errors.InvalidRequest('without PKCE this client must send a nonce and the scope openid');
    return isRequired;
  },
});

const everyResponse: readonly ResponseType[] = [
  'code',
  'id_token',
  'id_token token',
  HYBRID_RESPONSE,
  'code token',
  'code id_token token',
  'none',
];

/** The response types of a client: `code`, the hybrid one of FAPI 1.0 Advanced for its clients, and more where a policy says so. */
export function responseTypes(
  { responseTypes: policy }: Pick<Policy<'oidc'>, 'responseTypes'>,
  profile: unknown,
): readonly ResponseType[] {
  if (policy === 'all') return everyResponse;
  return profile === 'fapi1_advanced' ? ['code', HYBRID_RESPONSE] : ['code'];
}

/** The engine's own part of FAPI; what else the profile demands of a client is in its metadata from the beginning. */
export const fapi: NonNullable<NonNullable<Configuration['features']>['fapi']> = {
  enabled: true,
  profile: (_ctx, client) => (isFapi1(client) ? '1.0 Final' : isFapi2(client) ? '2.0' : undefined),
};

/**
 * Refresh tokens are replaced with each use (RFC 9700 §4.14.2), except where they are bound to a key of a confidential
 * client: FAPI 2.0 Security Profile §5.3.2.1 forbids it there, because a lost answer would lock the client out.
 */
export const rotateRefreshToken = (ctx: KoaContextWithOIDC): boolean => !isFapi(ctx.oidc.client);

/** Seconds in which a refresh token that was just used has the same successor again; 0 for FAPI clients, whose tokens are not replaced. */
export function refreshGrace(policies: Policies<'oidc'>) {
  return (client: Client, user: string | undefined): number => {
    if (isFapi(client)) return 0;
    const { oidc } = policies.for({ user, client: client.clientId });
    return ownMember(client, 'refresh_token_grace') ?? oidc.refreshGraceSeconds;
  };
}
