import { decodeJwt, decodeProtectedHeader } from 'jose';
import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import { algorithms } from './algorithms.ts';
import { DPOP_PROOF_LIFETIME } from './lifetimes.ts';
import { LONGEST_JTI } from './limits.ts';

const supported: ReadonlySet<unknown> = new Set(algorithms.dPoPSigningAlgValues);

type DPoP = NonNullable<NonNullable<Configuration['features']>['dPoP']>;

/**
 * RFC 9449 with a shorter life of a proof than the engine's: a minute from its `iat`. A client with a wrong clock gets a nonce
 * (`use_dpop_nonce`), and with the nonce its proof may say any time (§8, §11.1). The engine asks before it verifies, so that nothing here
 * may be trusted, only refused or asked for.
 */
export function demonstratedPossession(clock: Clock, nonceSecret: Buffer): DPoP {
  return {
    enabled: true,
    nonceSecret,
    requireNonce(ctx: KoaContextWithOIDC) {
      const { alg, iat, jti, htu } = membersOf(ctx.get('DPoP'));
      if (!supported.has(alg))
        throw new errors.InvalidDpopProof(`unsupported alg in the DPoP proof; supported: ${[...supported].join(', ')}`);
      if (typeof jti === 'string' && jti.length > LONGEST_JTI)
        throw new errors.InvalidDpopProof('DPoP proof jti is too long');
      if (typeof htu === 'string') acceptSpelling(ctx.oidc, htu);
      return typeof iat === 'number' && Math.abs(epochSeconds(clock) - iat) > DPOP_PROOF_LIFETIME;
    },
  };
}

function membersOf(proof: string): Record<string, unknown> {
  try {
    return { ...decodeJwt(proof), alg: decodeProtectedHeader(proof).alg };
  } catch {
    throw new errors.InvalidDpopProof('DPoP proof is not a JWT');
  }
}

/**
 * RFC 9449 §4.3: `htu` compares without query and fragment and after the normalization of RFC 3986 §6.2.2 and §6.2.3. The engine
 * compares text that a URL parser wrote, which leaves escapes as they are. Where they alone differ, it is told the address as the proof
 * spells it, for the one comparison that it is about to make.
 */
function acceptSpelling(oidc: KoaContextWithOIDC['oidc'], htu: string): void {
  const { route } = oidc;
  const expected = oidc.urlFor(route);
  const spelled = URL.parse(htu);
  if (spelled === null || normalized(htu) !== normalized(expected)) return;
  [spelled.search, spelled.hash] = ['', ''];
  const before = Object.getOwnPropertyDescriptor(oidc, 'urlFor');
  const urlFor = oidc.urlFor.bind(oidc);
  Object.defineProperty(oidc, 'urlFor', {
    configurable: true,
    value(name: string, options?: Record<string, unknown>) {
      if (name !== route) return urlFor(name, options);
      Reflect.deleteProperty(oidc, 'urlFor');
      if (before) Object.defineProperty(oidc, 'urlFor', before);
      return spelled.href;
    },
  });
}

/**
 * An http or https address without query and fragment: scheme and host in lower case, no default port, dot segments resolved (all of this
 * by the URL parser), escapes of unreserved characters decoded and other escapes in upper case. Null for any other text.
 */
function normalized(address: string): string | null {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol)) return null;
  const path = url.pathname.replaceAll(/%[\da-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : escape.toUpperCase();
  });
  const user = url.username === '' && url.password === '' ? '' : '@';
  return `${url.protocol}//${user}${url.host}${path}`;
}
