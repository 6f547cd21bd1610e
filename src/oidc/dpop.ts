import { decodeJwt, decodeProtectedHeader } from 'jose';
import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import { algorithms } from './algorithms.ts';
import { DPOP_PROOF_LIFETIME } from './lifetimes.ts';
import { LONGEST_JTI } from './limits.ts';

const supported: ReadonlySet<string | undefined> = new Set(algorithms.dPoPSigningAlgValues);

type DPoP = NonNullable<NonNullable<Configuration['features']>['dPoP']>;

/**
 * RFC 9449, stricter than the engine, which lets a proof be five minutes old and cuts a query off `htu`. A proof with a
 * nonce may say any time. The engine asks before it verifies, so that nothing here may be trusted, only refused.
 */
export function demonstratedPossession(clock: Clock, nonceSecret: Buffer): DPoP {
  return {
    enabled: true,
    nonceSecret,
    requireNonce(ctx: KoaContextWithOIDC) {
      const problem = problemOf(ctx.get('DPoP'), epochSeconds(clock));
      if (problem) throw new errors.InvalidDpopProof(problem);
      return false;
    },
  };
}

function problemOf(proof: string, now: number): string | null {
  let claims;
  let header;
  try {
    claims = decodeJwt(proof);
    header = decodeProtectedHeader(proof);
  } catch {
    return 'DPoP proof is not a JWT';
  }
  if (!supported.has(header.alg)) return `unsupported alg in the DPoP proof; supported: ${[...supported].join(', ')}`;
  const { iat, jti, htu, nonce } = claims as Record<string, unknown>;
  if (typeof jti === 'string' && jti.length > LONGEST_JTI) return 'DPoP proof jti is too long';
  if (typeof htu === 'string' && /[?#]/.test(htu)) return 'DPoP proof htu must have neither query nor fragment';
  if (!nonce && typeof iat === 'number' && Math.abs(now - iat) > DPOP_PROOF_LIFETIME)
    return 'DPoP proof iat is not recent enough';
  return null;
}
