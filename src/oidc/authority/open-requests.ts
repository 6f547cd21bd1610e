import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { scopes as standardScopes } from '../claims.ts';
import type { CurrentAuthority } from './current-authority.ts';

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const deviceRoutes: ReadonlySet<string> = new Set(['code_verification', 'device_resume']);

/**
 * The engine checks a request when it comes. By the time the user has answered, the client may have changed: what it may
 * not ask for any more is refused then, and nothing is sent to an address that is not registered any more.
 */
export function requireStillAllowed(
  { oidc }: KoaContextWithOIDC,
  authority: Pick<CurrentAuthority, 'mayBeTold'>,
): void {
  const { client, params = {}, route } = oidc;
  if (!client) return;
  const { redirect_uri: redirectUri, response_type: responseType } = params;
  if (typeof redirectUri === 'string' && !client.redirectUriAllowed(redirectUri)) throw new errors.InvalidRedirectUri();
  if (typeof responseType === 'string' && !client.responseTypeAllowed(responseType as 'code'))
    throw new errors.UnauthorizedClient('requested response_type is not allowed for this client');
  if (deviceRoutes.has(route) && !client.grantTypeAllowed(DEVICE_GRANT))
    throw new errors.UnauthorizedClient(`${DEVICE_GRANT} is not allowed for this client`);
  if (client.scope === undefined) return;
  const allowed = new Set(client.scope.split(' '));
  const scope = standardScopes.find((name) => oidc.requestParamScopes.has(name) && !allowed.has(name));
  if (scope !== undefined) throw new errors.InvalidScope('requested scope is not allowed', scope);
  const claim = [...oidc.requestParamClaims].find((name) => !authority.mayBeTold(client, name));
  if (claim !== undefined) throw new errors.InvalidScope('requested claim is not allowed', claim);
}
