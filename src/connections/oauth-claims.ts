/** The user, as the API of a provider of OAuth 2.0 describes one. */
import { type Configuration, fetchProtectedResource, type TokenEndpointResponse } from 'openid-client';
import { mapped } from './claim-mapping.ts';
import type { Connection } from './connection.ts';
import { AnswerRefused } from './openid-claims.ts';
import { type Claims, membersOf, type OauthProvider } from './providers/provider.ts';

/** The endpoints of the provider, or of its connection. */
export const endpointsOf = ({ settings }: Connection, { endpoints }: OauthProvider) => ({
  authorizationEndpoint: settings.authorizationEndpoint ?? endpoints!.authorizationEndpoint,
  tokenEndpoint: settings.tokenEndpoint ?? endpoints!.tokenEndpoint,
  userinfoEndpoint: settings.userinfoEndpoint ?? endpoints!.userinfoEndpoint,
});

/** Identifies the provider in identities. */
export const issuerOf = (connection: Connection, provider: OauthProvider): string =>
  provider.issuer ?? new URL(endpointsOf(connection, provider).tokenEndpoint).origin;

/**
 * An answer without the ID token that some providers send along. The API says who the user is, and nothing ties that token to this sign-in.
 * LinkedIn changed the issuer of its own in 2024.
 */
export async function withoutIdToken(answer: Response): Promise<Response> {
  const text = await answer.text();
  const { status, headers } = answer;
  const { id_token: alongside, ...members } = membersOf(parsed(text));
  return new Response(alongside === undefined ? text : JSON.stringify(members), { status, headers });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Asks the API, and reads the claims of the user. */
export async function oauthClaims(
  configuration: Configuration,
  { connection, secret }: { connection: Connection; secret: string },
  provider: OauthProvider,
  tokens: TokenEndpointResponse,
): Promise<{ issuer: string; claims: Claims }> {
  const headers = new Headers({ accept: 'application/json' });
  const ask = async (url: string): Promise<unknown> => {
    const target = new URL(url);
    for (const [name, value] of Object.entries(provider.proof?.(tokens.access_token, secret) ?? {}))
      target.searchParams.set(name, value);
    const answer = await fetchProtectedResource(configuration, tokens.access_token, target, 'GET', undefined, headers);
    if (!answer.ok) throw new AnswerRefused(`status ${answer.status} of the user endpoint`);
    try {
      return await answer.json();
    } catch {
      throw new AnswerRefused('the user endpoint did not answer with JSON');
    }
  };
  const claims = await provider.readClaims(endpointsOf(connection, provider).userinfoEndpoint, ask);
  return { issuer: issuerOf(connection, provider), claims: mapped(claims, connection.settings.claims) };
}
