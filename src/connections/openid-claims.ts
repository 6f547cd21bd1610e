/** The user, as an ID token and the userinfo endpoint describe one. */
import { createHash } from 'node:crypto';
import { type Configuration, fetchUserInfo, getJwksCache, type TokenEndpointResponse } from 'openid-client';
import { definedOf, mapped, valueAt } from './claim-mapping.ts';
import type { Connection } from './connection.ts';
import type { Claims, OpenidProvider } from './providers/provider.ts';

/** An answer that the library lets through and that is wrong all the same. */
export class AnswerRefused extends Error {
  override readonly name = 'AnswerRefused';
}

/** Reads the claims of a user. Throws AnswerRefused for an ID token that the library lets through and that is wrong all the same. */
export async function openidClaims(
  configuration: Configuration,
  connection: Connection,
  { normalize = (claims) => claims, isIssuerOfKey }: OpenidProvider,
  tokens: TokenEndpointResponse & { claims(): Claims | undefined },
  parameters: URLSearchParams,
): Promise<{ issuer: string; claims: Claims }> {
  const idToken = tokens.claims();
  if (idToken === undefined) throw new AnswerRefused('no ID token');
  requireOwn(idToken, connection.clientId);
  if (isIssuerOfKey?.(idToken, signingKeyOf(configuration, tokens)) === false)
    throw new AnswerRefused('the key of the ID token is not of its issuer');
  requireHashes(idToken, tokens, parameters.get('code') ?? '');
  const told = mapped(normalize(idToken, parameters), connection.settings.claims);
  const issuer = String(idToken.iss);
  const { groupRoles, properties = {} } = connection.settings;
  const hasGroups = groupRoles === undefined || told.groups !== undefined || told.roles !== undefined;
  const hasProperties = Object.values(properties).every((name) => valueAt(told, name) !== undefined);
  const isComplete = told.email !== undefined && told.name !== undefined && hasGroups && hasProperties;
  if (isComplete || configuration.serverMetadata().userinfo_endpoint === undefined) return { issuer, claims: told };
  const answer = await fetchUserInfo(configuration, tokens.access_token, String(idToken.sub));
  const further = mapped(normalize(answer, parameters), connection.settings.claims);
  // An address and whether it is verified come from one document: each alone could be true of another address.
  const { email, email_verified: verified } = told.email === undefined ? further : told;
  return { issuer, claims: { ...further, ...definedOf(told), email, email_verified: verified } };
}

/** OpenID Connect Core §3.1.3.7, steps 4 and 5: the library compares `azp` only where there are several audiences. */
function requireOwn({ azp }: Claims, clientId: string): void {
  if (azp !== undefined && azp !== clientId) throw new AnswerRefused('the ID token is for another client');
}

const digests: Readonly<Record<string, string>> = { '256': 'sha256', '384': 'sha384', '512': 'sha512' };

/** OpenID Connect Core §3.1.3.8 and §3.3.2.11: an `at_hash` and a `c_hash` belong to the access token and the code of the same answer. */
function requireHashes(
  claims: Claims,
  { id_token: idToken, access_token: token }: TokenEndpointResponse,
  code: string,
) {
  const { alg } = headerOf(idToken!);
  const halfOf = (text: string): string => {
    const digest = createHash(digests[alg.slice(-3)] ?? 'sha512')
      .update(text)
      .digest();
    return digest.subarray(0, digest.length / 2).toString('base64url');
  };
  for (const [hash, text] of [
    [claims.at_hash, token],
    [claims.c_hash, code],
  ] as const)
    if (hash !== undefined && hash !== halfOf(text)) throw new AnswerRefused('the ID token belongs to another answer');
}

const headerOf = (jwt: string) =>
  JSON.parse(Buffer.from(jwt.split('.')[0]!, 'base64url').toString()) as { alg: string; kid?: string };

/** The published key that signed the ID token. */
function signingKeyOf(
  configuration: Configuration,
  { id_token: idToken }: TokenEndpointResponse,
): Readonly<Record<string, unknown>> {
  const { kid } = headerOf(idToken!);
  return getJwksCache(configuration)?.jwks.keys.find((key) => key.kid === kid) ?? {};
}
