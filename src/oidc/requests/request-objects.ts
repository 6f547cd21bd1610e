import { type Client, type Configuration, errors } from 'oidc-provider';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import { isOfType } from '../media-types.ts';
import { isFapi } from '../profiles.ts';
import { LONGEST_REQUEST_OBJECT_LIFE } from '../lifetimes.ts';
import { REQUEST_OBJECT_AHEAD } from '../limits.ts';

type Claims = Readonly<Record<string, unknown>>;

/**
 * JAR (RFC 9101) by value, signed. The engine has checked signature, registered algorithm, `iss`, `aud`, and that it is
 * neither too early nor too late; here is what keeps a request from being good for ever, or from being something else.
 */
export function requestObjects(clock: Clock): NonNullable<NonNullable<Configuration['features']>['requestObjects']> {
  return {
    enabled: true,
    assertJwtClaimsAndHeader: async (ctx, claims, header, client) => {
      // The engine itself stores a pushed request of an authenticated client as a JWT.
      if (ctx.oidc.entities.PushedAuthorizationRequest && header['alg'] === 'none') return;
      const problem = problemOf(claims, header, client, epochSeconds(clock));
      if (problem) throw new errors.InvalidRequestObject(problem);
    },
  };
}

function problemOf(claims: Claims, { typ, crit, b64 }: Claims, client: Client, now: number): string | null {
  const { exp, nbf, iat, sub, state, nonce } = claims;
  // RFC 9101 §10.8: no other kind of JWT passes for a request.
  if (!isOfType(typ, undefined, 'JWT', 'oauth-authz-req+jwt')) return 'Request Object typ must be oauth-authz-req+jwt';
  if (crit !== undefined || b64 !== undefined) return 'Request Object must not have critical header parameters';
  // RFC 9101 §10.8: what authenticates the client must not be taken for a request of it.
  if (sub === client.clientId) return 'Request Object sub must not be the client_id';
  // The engine would make text of anything else, and send `[object Object]` back.
  if ([state, nonce].some((value) => value !== undefined && typeof value !== 'string'))
    return 'Request Object state and nonce must be text';
  if (typeof exp !== 'number') return 'Request Object exp must be given';
  if (isFapi(client) && typeof nbf !== 'number') return 'Request Object nbf must be given';
  if (typeof nbf === 'number' && now - nbf > LONGEST_REQUEST_OBJECT_LIFE)
    return 'Request Object nbf must be at most 60 minutes ago';
  if (typeof iat === 'number' && iat - now > REQUEST_OBJECT_AHEAD)
    return 'Request Object iat must not be in the future';
  const from = [nbf, iat].find((time): time is number => typeof time === 'number') ?? now;
  if (exp - from > LONGEST_REQUEST_OBJECT_LIFE) return 'Request Object must not be valid for more than 60 minutes';
  return null;
}
