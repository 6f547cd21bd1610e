import { type Configuration, errors } from 'oidc-provider';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import { CLIENT_CLOCK_SKEW, LONGEST_JTI } from '../limits.ts';
import { LONGEST_ASSERTION_LIFE } from '../lifetimes.ts';

/** No other kind of JWT that a client signs, such as a request object or a DPoP proof, passes for an assertion. */
const types: ReadonlySet<unknown> = new Set([undefined, 'JWT', 'client-authentication+jwt']);

/**
 * Further checks of `client_secret_jwt` and `private_key_jwt` after the engine's checks (key, registered algorithm,
 * `iss` and `sub`, not expired; its `jti` counts once). The audience is the issuer and nothing else, as one string: a list
 * would make an assertion for another server valid here.
 */
export function assertClientAssertion(
  clock: Clock,
  issuer: string,
): NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']> {
  return async (_ctx, { aud, exp, iat, nbf, jti }, { typ, crit, b64 }) => {
    const now = epochSeconds(clock);
    const isAhead = (time: unknown) => typeof time === 'number' && time > now + CLIENT_CLOCK_SKEW;
    const refuse = (reason: string): never => {
      throw new errors.InvalidClientAuth(reason);
    };
    if (aud !== issuer) refuse('aud must be the issuer, as one string');
    if (typeof exp !== 'number' || exp - now > LONGEST_ASSERTION_LIFE + CLIENT_CLOCK_SKEW)
      refuse('exp must be at most five minutes ahead');
    if (isAhead(iat) || isAhead(nbf)) refuse('iat and nbf must not lie ahead');
    if (typeof jti !== 'string' || jti.length > LONGEST_JTI) refuse('jti must be a text of reasonable length');
    if (!types.has(typ)) refuse('typ must be client-authentication+jwt');
    if (crit !== undefined || b64 !== undefined) refuse('critical header parameters are not known');
  };
}
