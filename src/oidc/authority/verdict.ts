import { lengthOfLife, type IssuedLife } from '../lifetimes.ts';
import { type Authority, words } from './authority.ts';
import { type Demanding, type Issued as IssuedUnderDemands, unmetDemand } from './demands.ts';

/** A token or a code as it was issued. */
export type Issued = IssuedUnderDemands &
  IssuedLife & {
    exp?: number | undefined;
    scope?: string | undefined;
    /** The APIs that a code or a refresh token is good for. */
    resource?: string | readonly string[] | undefined;
    /** The grant types that led to it, the last one last. */
    gty?: string | undefined;
  };

export type Circumstances = {
  client: Demanding & { grantTypeAllowed(type: string): boolean };
  /** The rest of the grant; for a client that acts for itself, the rest of the client's own rights. */
  held: Pick<Authority, 'allowsScope' | 'resourceScopes'>;
  /** The API of the audience as it is now. */
  api: { tokenFormat: 'jwt' | 'opaque'; signingAlg: string; accessTokenSeconds: number } | null;
  lifetimes: Parameters<typeof lengthOfLife>[1];
  /** Since when the organization of the token is open to its user or client (NumericDate); null where it is closed, undefined without one. */
  memberSince?: number | null | undefined;
  isPkceRequired: boolean;
};

export type Verdict =
  | { holds: true; scope: string | undefined; exp: number | undefined }
  | { holds: false; reason: string };

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** The present authority of a token or a code. The only place that decides it, for every endpoint that accepts one. */
export function verdictOn(issued: Issued, now: Circumstances): Verdict {
  const { client, held, api } = now;
  const lost = (reason: string): Verdict => ({ holds: false, reason });
  const taken = grantTypesOf(issued).find((type) => !client.grantTypeAllowed(type));
  if (taken !== undefined) return lost(`the client may not use the grant type ${taken} any more`);
  const unmet = unmetDemand(issued, now);
  if (unmet !== null) return lost(unmet);
  if (issued.aud !== undefined && held.resourceScopes(issued.aud) === null)
    return lost('the API is gone or closed to the client');

  if (now.memberSince === null) return lost('its organization is closed to the user or the client');
  if (now.memberSince !== undefined && (issued.iat ?? 0) < now.memberSince)
    return lost('it is of an earlier membership');

  const named = words(issued.scope);
  const left = named.filter((name) => isHeld(name, issued, held));
  if (named.includes('openid') && !left.includes('openid')) return lost('openid is not allowed any more');
  if (left.length < named.length && left.every((name) => name === 'offline_access'))
    return lost('nothing of its scope is allowed any more');
  if (issued.kind === 'RefreshToken' && !held.allowsScope('offline_access'))
    return lost('offline_access is not allowed any more');

  const exp = endOf(issued, lengthOfLife(issued, now.lifetimes, { isFapi: client.isFapi, api }));
  return { holds: true, scope: named.length === 0 ? issued.scope : left.join(' '), exp };
}

function isHeld(name: string, { aud, resource }: Issued, held: Circumstances['held']): boolean {
  if (aud !== undefined) return held.resourceScopes(aud)?.has(name) ?? false;
  if (held.allowsScope(name)) return true;
  const resources = [resource ?? []].flat();
  return resources.some((identifier) => held.resourceScopes(identifier)?.has(name));
}

function grantTypesOf({ kind, gty }: Issued): string[] {
  const named = words(gty).map((type) => (type === 'device_code' ? DEVICE_GRANT : type));
  if (kind === 'RefreshToken') named.push('refresh_token');
  if (kind === 'ClientCredentials') named.push('client_credentials');
  return named;
}

/** The earlier of the end that was given and the end that a token of that age would have now. */
function endOf({ exp, iat }: Issued, seconds: number | null): number | undefined {
  if (seconds === null || iat === undefined) return exp;
  return Math.min(exp ?? Number.POSITIVE_INFINITY, iat + seconds);
}
