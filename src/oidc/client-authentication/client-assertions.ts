import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import { ASSERTION_CLOCK_SKEW, LONGEST_JTI, STRICT_CLOCK_SKEW } from '../limits.ts';
import { LONGEST_ASSERTION_LIFE, LONGEST_STRICT_ASSERTION_LIFE } from '../lifetimes.ts';
import { isOfType } from '../media-types.ts';
import { isFapi2 } from '../profiles.ts';

/** A refused assertion whose signature is right: its sender may read why (RFC 6749 §5.2, `error_description`). */
class AssertionRefused extends errors.InvalidClientAuth {
  override error_description: string;

  constructor(reason: string) {
    super(reason);
    this.error_description = `client authentication failed: ${reason}`;
  }
}

const verified = new WeakSet<object>();

/** Whether the assertion of this request has not been verified yet, so that nothing else of the request was read. */
export const isVerifyingAssertion = (ctx: KoaContextWithOIDC | undefined): boolean =>
  ctx?.oidc.params?.['client_assertion'] !== undefined && !verified.has(ctx);

/** The URLs of an endpoint of the engine: at the issuer and at its aliases. */
type UrlsOf = (endpoint: string) => readonly string[];

/**
 * The rules of `client_secret_jwt` and `private_key_jwt` after the engine's checks (key, registered algorithm, signature, `iss` and `sub`;
 * afterwards its `jti` counts once, for as long as the assertion could be used). OpenID Connect Core §9 and RFC 7523 §3: the audience is
 * this server, alone or in a list; clocks may differ by a minute, and `exp` is at most an hour ahead. For a client of FAPI 2.0 (Security
 * Profile §5.3.2.1) the audience is the issuer as one string, because a list would make an assertion for another server valid here.
 */
export function assertClientAssertion(
  clock: Clock,
  urlsOf: UrlsOf,
): NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']> {
  return async (ctx, { aud, exp, iat, nbf, jti }, { typ, crit, b64 }, client) => {
    verified.add(ctx);
    const isStrict = isFapi2(client);
    const skew = isStrict ? STRICT_CLOCK_SKEW : ASSERTION_CLOCK_SKEW;
    const now = epochSeconds(clock);
    const isAhead = (time: unknown) => typeof time === 'number' && time > now + skew;
    const demand = (holds: boolean, reason: string): void => {
      if (!holds) throw new AssertionRefused(reason);
    };
    if (isStrict) demand(aud === ctx.oidc.issuer, 'aud must be the issuer, as one string');
    else {
      const own = new Set<unknown>([ctx.oidc.issuer, ...urlsOf('token'), ...urlsOf(ctx.oidc.route)]);
      demand(
        [aud].flat().some((audience) => own.has(audience)),
        'aud must be or hold the issuer or the token endpoint',
      );
    }
    const longest = isStrict ? LONGEST_STRICT_ASSERTION_LIFE : LONGEST_ASSERTION_LIFE;
    demand(typeof exp === 'number' && exp > now - skew, 'exp has passed');
    demand(Number(exp) <= now + longest + skew, `exp must be at most ${longest / 60} minutes ahead`);
    demand(!isAhead(iat) && !isAhead(nbf), 'iat and nbf must not be in the future');
    demand(
      typeof jti === 'string' && jti.length <= LONGEST_JTI,
      `jti must be a text of at most ${LONGEST_JTI} characters`,
    );
    // No other kind of JWT that a client signs, such as a request object or a DPoP proof, passes for an assertion.
    demand(
      isOfType(typ, undefined, 'JWT', 'client-authentication+jwt'),
      'typ must be client-authentication+jwt or JWT',
    );
    demand(crit === undefined && b64 === undefined, 'crit and b64 are not supported');
  };
}
