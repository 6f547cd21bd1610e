/** Callers of the management API: tokens for it, and requests with them. */
import { type TestApp, type TestClient, type TestUser } from './app.ts';
import { authorizeUrl, pkce, post, type TokenAnswer, Visitor } from './visitor.ts';

export const API = 'urn:latchkey:api';

/** A client that acts for itself, and may ask for these scopes of the API. */
export const machineWith = (latchkey: TestApp, ...scopes: string[]): Promise<TestClient> =>
  latchkey.client({ name: 'Robot', type: 'machine', redirect_uris: undefined, apis: { [API]: scopes } });

/** The response of the token endpoint to a client that acts for itself. */
export const clientTokens = async (
  { base }: TestApp,
  client: TestClient,
  parameters: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<TokenAnswer['body']> =>
  (
    await post(
      `${base}/oidc/token`,
      client,
      { grant_type: 'client_credentials', resource: API, ...parameters },
      headers,
    )
  ).body;

/** The response of the token endpoint after a sign-in with the API as its resource, or with the `resource` of `extra`. */
export async function userTokens(
  { base }: TestApp,
  client: TestClient,
  user: TestUser,
  scope: string,
  extra: Record<string, string> = {},
  visitor = new Visitor(),
): Promise<TokenAnswer['body']> {
  const { verifier, challenge } = pkce();
  const asked = { code_challenge: challenge, scope, resource: API, ...extra };
  const code = (await visitor.signIn(authorizeUrl(base, client, asked), user)).get('code') ?? '';
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: client.redirect_uris[0] ?? '' };
  const { resource } = asked;
  return (await post(`${base}/oidc/token`, client, { ...exchange, code_verifier: verifier, resource })).body;
}

export type ApiAnswer = { status: number; headers: Headers; body: Record<string, unknown> };
type ApiRequest = {
  method?: string;
  token?: string | undefined;
  headers?: Record<string, string>;
  json?: unknown;
  body?: string | Uint8Array<ArrayBuffer>;
};

/** A call: `path` below /api. A body that is no JSON is `{ text }`. */
export async function callApi(
  { base }: TestApp,
  path: string,
  { method = 'GET', token, headers = {}, json, body }: ApiRequest = {},
): Promise<ApiAnswer> {
  const sent = json === undefined ? body : JSON.stringify(json);
  const answer = await fetch(`${base}/api${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent }),
  });
  const text = await answer.text();
  const isJson = /json/.test(answer.headers.get('content-type') ?? '') && text !== '';
  return {
    status: answer.status,
    headers: answer.headers,
    body: (isJson ? JSON.parse(text) : { text }) as ApiAnswer['body'],
  };
}

/** Status, and code of the problem. */
export const refusalOf = ({ status, body }: ApiAnswer): [number, unknown] => [status, body['code']];
