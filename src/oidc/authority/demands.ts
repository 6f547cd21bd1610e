import type { Level } from '../levels.ts';
import type { Origin } from './origin.ts';

/** The members of a token or a code that the demands of its client are compared with. */
export type Issued = {
  kind: string;
  aud?: string | undefined;
  jkt?: string | undefined;
  'x5t#S256'?: string | undefined;
  redirectUri?: string | undefined;
  codeChallenge?: string | undefined;
  origin?: Origin | undefined;
  /** The methods of the sign-in, as in the token; the level itself is in `origin`. */
  level?: Level | null | undefined;
  /** The signature algorithm of a token that is a JWT. */
  jwtAlg?: string | undefined;
};

/** The present demands of a client on its tokens and codes. */
export type Demanding = {
  dpopBoundAccessTokens?: boolean | undefined;
  tlsClientCertificateBoundAccessTokens?: boolean | undefined;
  requirePushedAuthorizationRequests?: boolean | undefined;
  requireSignedRequestObject?: boolean | undefined;
  redirectUriAllowed(uri: string): boolean;
  isPublic: boolean;
  isFapi: boolean;
  authenticationStrength: number;
  minimumLevel: Level | null;
};

type Now = {
  client: Demanding;
  api: { tokenFormat: 'jwt' | 'opaque'; signingAlg: string } | null;
  isPkceRequired: boolean;
};

const accessTokens: ReadonlySet<string> = new Set(['AccessToken', 'ClientCredentials']);

/**
 * The first demand of the client that a token or a code does not meet, in words for the log; null when it meets all. Demands that are
 * proved with each use need no check here: a confidential client authenticates, and proves its key, when it refreshes.
 */
export function unmetDemand(issued: Issued, { client, api, isPkceRequired }: Now): string | null {
  const { kind, origin = {} } = issued;
  const level = origin.level ?? issued.level ?? null;
  if (client.minimumLevel !== null && level !== null && level < client.minimumLevel)
    return 'the person signed in at a lower level than the client demands';
  if (accessTokens.has(kind)) return unbound(issued, client) ?? weaklyObtained(origin, client) ?? oldForm(issued, api);
  if (kind === 'RefreshToken') return client.isPublic ? unbound(issued, client) : null;
  if (kind === 'AuthorizationCode') return badRequest(issued, client, isPkceRequired);
  return null;
}

/** A bearer token where the client demands one that is bound to a key. */
export function unbound(issued: Pick<Issued, 'jkt' | 'x5t#S256'>, client: Demanding): string | null {
  if (client.dpopBoundAccessTokens && issued.jkt === undefined) return 'the client demands a token bound by DPoP';
  if (client.tlsClientCertificateBoundAccessTokens && issued['x5t#S256'] === undefined)
    return 'the client demands a token bound to a certificate';
  return null;
}

function weaklyObtained({ authentication }: Origin, client: Demanding): string | null {
  if (authentication === undefined || authentication >= client.authenticationStrength) return null;
  return 'the client obtained it by a weaker authentication than it must use now';
}

/** A token has the form that its API asks for; one that is not for an API is always opaque. */
function oldForm({ jwtAlg }: Issued, api: Now['api']): string | null {
  if (api === null) return null;
  if ((jwtAlg !== undefined) !== (api.tokenFormat === 'jwt')) return 'the API demands tokens of another format';
  return jwtAlg === undefined || jwtAlg === api.signingAlg ? null : 'the API demands another signature algorithm';
}

function badRequest(
  { redirectUri, codeChallenge, origin = {} }: Issued,
  client: Demanding,
  isPkceRequired: boolean,
): string | null {
  if (redirectUri !== undefined && !client.redirectUriAllowed(redirectUri))
    return 'the redirect URI is not registered any more';
  if (isPkceRequired && codeChallenge === undefined) return 'the client demands PKCE';
  if (client.requirePushedAuthorizationRequests && origin.isPushed === false)
    return 'the client demands pushed authorization requests';
  if (client.requireSignedRequestObject && origin.isSigned === false) return 'the client demands signed requests';
  return null;
}
