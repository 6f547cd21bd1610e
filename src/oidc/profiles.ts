import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { PROFILE_MEMBER, type ClientProfile } from '#applications/clients/module.ts';
import type { Policy } from '#settings/module.ts';

/** The profile that the operator gave the client; a registration cannot name one. */
function profileOf(client: Client | undefined): ClientProfile {
  return (client?.[PROFILE_MEMBER] as ClientProfile | undefined) ?? 'default';
}

/** Whether FAPI 2.0 holds for the client, with or without Message Signing. */
export const isFapi = (client: Client | undefined): boolean => profileOf(client) !== 'default';

/** RFC 9700 §2.1.1: required of every client, unless the operator requires it of public and FAPI clients only. */
export const isPkceRequired = (client: Client, { pkce }: Pick<Policy<'oidc'>, 'pkce'>): boolean =>
  pkce === 'all' || client.clientAuthMethod === 'none' || isFapi(client);

/** The engine's own part of FAPI 2.0; what else the profile demands of a client is in its metadata from the beginning. */
export const fapi: NonNullable<NonNullable<Configuration['features']>['fapi']> = {
  enabled: true,
  profile: (_ctx, client) => (isFapi(client) ? '2.0' : undefined),
};

/**
 * Refresh tokens are replaced with each use (RFC 9700 §4.14.2), except where they are bound to a key of a confidential
 * client: FAPI 2.0 Security Profile §5.3.2.1 forbids it there, because a lost answer would lock the client out.
 */
export const rotateRefreshToken = (ctx: KoaContextWithOIDC): boolean => !isFapi(ctx.oidc.client);
