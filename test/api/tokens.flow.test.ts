/** Which access tokens open the management API (RFC 6750, RFC 8707, RFC 9449), and what ends them. */
import * as oauth from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toUuid } from '#kernel/ids.ts';
import { API, callApi, clientTokens, machineWith, refusalOf, userTokens } from '../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { proofFor, type ProofKey, proofKey } from '../support/proof.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

const otherApi = 'https://reports.example';
const scope = 'users.read users.manage clients.read';

let latchkey: TestApp;
let robot: TestClient;
let web: TestClient;
let administrator: TestUser;
let path: string;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.refusedTokensPerAddress': 10_000 } });
  await latchkey.run('apis.create', { identifier: otherApi, scopes: [{ name: 'users.read' }], token_format: 'opaque' });
  await latchkey.run('apis.create', { identifier: `${otherApi}/jwt`, scopes: [{ name: 'users.read' }] });
  const apis = { [API]: ['*'], [otherApi]: ['*'], [`${otherApi}/jwt`]: ['*'] };
  robot = await latchkey.client({ type: 'machine', redirect_uris: undefined, apis });
  const grant_types = ['authorization_code', 'refresh_token'];
  web = await latchkey.client({ first_party: true, grant_types, apis });
  administrator = await latchkey.user({ administrator: true });
  path = `/v1/users/${administrator.id}`;
});
afterAll(() => latchkey.close());

const opens = async (token: string): Promise<boolean> => {
  const { status } = await callApi(latchkey, path, { token });
  expect([200, 401]).toContain(status);
  return status === 200;
};
const ofClient = async (client = robot, parameters: Record<string, string> = { scope }): Promise<string> =>
  (await clientTokens(latchkey, client, parameters)).access_token;
const ofUser = async (user = administrator, client = web, visitor = new Visitor()): Promise<string> =>
  (await userTokens(latchkey, client, user, `openid ${scope}`, {}, visitor)).access_token;

describe('a token opens the API', () => {
  test('of a client that acts for itself', async () => {
    expect(await opens(await ofClient())).toBe(true);
  });

  test('of a client for a user', async () => {
    expect(await opens(await ofUser())).toBe(true);
  });

  test('from a refresh token', async () => {
    const asked = `openid offline_access ${scope}`;
    const { refresh_token } = await userTokens(latchkey, web, administrator, asked, { prompt: 'consent' });
    const refreshed = await post(`${latchkey.base}/oidc/token`, web, {
      grant_type: 'refresh_token',
      refresh_token,
      resource: API,
    });
    expect(await opens(refreshed.body.access_token)).toBe(true);
  });

  test('from a library with discovery and the code flow', async () => {
    const config = await oauth.discovery(new URL(latchkey.base), web.client_id, web.client_secret, undefined, {
      execute: [oauth.allowInsecureRequests],
    });
    const verifier = oauth.randomPKCECodeVerifier();
    const url = oauth.buildAuthorizationUrl(config, {
      redirect_uri: web.redirect_uris[0] ?? '',
      scope: `openid ${scope}`,
      resource: API,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const back = await new Visitor().signIn(url.href, administrator);
    const tokens = await oauth.authorizationCodeGrant(
      config,
      new URL(`${web.redirect_uris[0]}?${back.toString()}`),
      { pkceCodeVerifier: verifier },
      { resource: API },
    );
    const answer = await oauth.fetchProtectedResource(
      config,
      tokens.access_token,
      new URL(`${latchkey.base}/api${path}`),
      'GET',
    );
    expect(answer.status).toBe(200);
  });

  test('and can be introspected by its own client only', async () => {
    const token = await ofClient();
    const introspect = async (client: TestClient) =>
      (await post(`${latchkey.base}/oidc/introspect`, client, { token })).body;
    expect(await introspect(robot)).toMatchObject({ active: true, aud: API, scope });
    expect(await introspect(await machineWith(latchkey, '*'))).toEqual({ active: false });
  });
});

type Refusal = [what: string, headers: () => Promise<Record<string, string>>, status: number, error: string | null];
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('a call is refused', () => {
  test.each<Refusal>([
    ['without a token', async () => ({}), 401, null],
    ['with an empty token', async () => ({ authorization: 'Bearer ' }), 400, 'invalid_request'],
    ['with a made-up token', async () => bearer('made-up'), 401, 'invalid_token'],
    ['with two tokens in one header', async () => bearer('one two'), 400, 'invalid_request'],
    [
      'with the secret of a client',
      async () => ({ authorization: `Basic ${btoa(`${robot.client_id}:${robot.client_secret}`)}` }),
      400,
      'invalid_request',
    ],
    [
      'with a token for userinfo',
      async () => bearer((await tokensFor(latchkey.base, web, administrator)).access_token),
      401,
      'invalid_token',
    ],
    [
      'with an ID token',
      async () => bearer((await tokensFor(latchkey.base, web, administrator)).id_token),
      401,
      'invalid_token',
    ],
    [
      'with a token of a client for no API',
      async () =>
        bearer(
          (await post(`${latchkey.base}/oidc/token`, robot, { grant_type: 'client_credentials' })).body.access_token,
        ),
      401,
      'invalid_token',
    ],
    [
      'with an opaque token for another API',
      async () => bearer(await ofClient(robot, { resource: otherApi, scope: 'users.read' })),
      401,
      'invalid_token',
    ],
    [
      'with a JWT for another API',
      async () => bearer(await ofClient(robot, { resource: `${otherApi}/jwt`, scope: 'users.read' })),
      401,
      'invalid_token',
    ],
    [
      'with a refresh token',
      async () =>
        bearer(
          (await userTokens(latchkey, web, administrator, `openid offline_access ${scope}`, { prompt: 'consent' }))
            .refresh_token,
        ),
      401,
      'invalid_token',
    ],
    [
      'with a bearer token under DPoP',
      async () => ({ authorization: `DPoP ${await ofClient()}` }),
      400,
      'invalid_request',
    ],
  ])('%s', async (_what, headers, status, error) => {
    const answer = await callApi(latchkey, path, { headers: await headers() });
    expect(refusalOf(answer)).toEqual([status, `api.${error ?? 'invalid_token'}`]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    const challenge = answer.headers.get('www-authenticate') ?? '';
    expect(challenge).toContain(`realm="${latchkey.base}"`);
    expect(/\berror="(\w+)"/.exec(challenge)?.[1] ?? null).toBe(error);
  });
});

describe('a token is refused as soon as', () => {
  type End = [what: string, end: () => Promise<{ token: string; end: () => Promise<unknown> }>];
  test.each<End>([
    [
      'it is revoked',
      async () => {
        const token = await ofClient();
        return { token, end: () => post(`${latchkey.base}/oidc/revoke`, robot, { token }) };
      },
    ],
    [
      'its client loses the API',
      async () => {
        const client = await machineWith(latchkey, 'users.read');
        return {
          token: await ofClient(client),
          end: () => latchkey.run('clients.update', { client_id: client.client_id, apis: {} }),
        };
      },
    ],
    [
      'its client loses its scopes',
      async () => {
        const client = await machineWith(latchkey, 'users.read');
        const apis = { [API]: ['clients.read'] };
        return {
          token: await ofClient(client),
          end: () => latchkey.run('clients.update', { client_id: client.client_id, apis }),
        };
      },
    ],
    [
      'its client is disabled',
      async () => {
        const client = await machineWith(latchkey, 'users.read');
        return {
          token: await ofClient(client),
          end: () => latchkey.run('clients.disable', { client_id: client.client_id }),
        };
      },
    ],
    [
      'its client is deleted',
      async () => {
        const client = await machineWith(latchkey, 'users.read');
        return {
          token: await ofClient(client),
          end: () => latchkey.run('clients.delete', { client_id: client.client_id }),
        };
      },
    ],
    [
      'its client demands tokens that are bound',
      async () => {
        const client = await machineWith(latchkey, 'users.read');
        const change = { client_id: client.client_id, dpop_bound_access_tokens: true };
        return { token: await ofClient(client), end: () => latchkey.run('clients.update', change) };
      },
    ],
    [
      'its user is disabled',
      async () => {
        const user = await latchkey.user({ administrator: true });
        return { token: await ofUser(user), end: () => latchkey.run('users.disable', { user_id: user.id }) };
      },
    ],
    [
      'its user is erased',
      async () => {
        const user = await latchkey.user({ administrator: true });
        const end = () =>
          latchkey.app.database.sql('delete from users where id = $1', [toUuid(user.id as `usr_${string}`)]);
        return { token: await ofUser(user), end };
      },
    ],
    [
      'its session ends',
      async () => {
        const user = await latchkey.user({ administrator: true });
        return { token: await ofUser(user), end: () => latchkey.run('users.sessions.end_all', { user_id: user.id }) };
      },
    ],
    [
      'what the user allowed is taken back',
      async () => {
        const user = await latchkey.user({ administrator: true });
        const client = await latchkey.client({ apis: { [API]: ['*'] } });
        const end = () => latchkey.run('users.consents.delete', { user_id: user.id, client_id: client.client_id });
        return { token: await ofUser(user, client), end };
      },
    ],
  ])('%s', async (_what, begin) => {
    const { token, end } = await begin();
    expect(await opens(token)).toBe(true);
    await end();
    await expect.poll(() => opens(token)).toBe(false);
  });

  test('it is for a second audience as well', async () => {
    const theirs = await ofUser();
    const widened = await latchkey.app.database.sql(
      `update oidc_artifact set payload = jsonb_set(payload, '{aud}', $1::jsonb)
       where kind = 'AccessToken' and account_id = $2 and payload->>'aud' = $3 returning payload->'aud' as aud`,
      [JSON.stringify([API, otherApi]), administrator.id, API],
    );
    expect(widened.at(-1)).toEqual({ aud: [API, otherApi] });
    await expect.poll(() => opens(theirs)).toBe(false);
  });

  test('its time is over', async () => {
    const theirs = await ofUser();
    await latchkey.app.database.sql(
      `update oidc_artifact set expires_at = now() - interval '1 minute', payload = jsonb_set(payload, '{exp}', to_jsonb(extract(epoch from now())::bigint - 5))
       where kind = 'AccessToken'`,
    );
    await expect.poll(() => opens(theirs)).toBe(false);
  });
});

describe('the rights of a user (now)', () => {
  test('follow the roles: a token outlives the role, and its rights do not', async () => {
    const user = await latchkey.user({ administrator: true });
    const token = await ofUser(user);
    expect(await opens(token)).toBe(true);
    const demote = 'update users set is_administrator = false where id = $1';
    await latchkey.app.database.sql(demote, [toUuid(user.id as `usr_${string}`)]);
    const answer = await callApi(latchkey, path, { token });
    expect(refusalOf(answer)).toEqual([403, 'api.insufficient_scope']);
    expect(answer.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="users.read"');
    expect(answer.body['scope']).toBe('users.read');
  });

  test('never exceed the scopes of the token', async () => {
    const { access_token: token } = await userTokens(latchkey, web, administrator, 'openid clients.read');
    expect(refusalOf(await callApi(latchkey, path, { token }))).toEqual([403, 'api.insufficient_scope']);
  });

  test('are empty for a user without a role, whatever scopes the client has', async () => {
    const token = await ofUser(await latchkey.user());
    expect(refusalOf(await callApi(latchkey, path, { token }))).toEqual([403, 'api.insufficient_scope']);
  });
});

describe('the resource urn:latchkey:api (RFC 8707)', () => {
  test('is closed to clients without access', async () => {
    const client = await latchkey.client({ type: 'machine', redirect_uris: undefined });
    expect(await clientTokens(latchkey, client, { scope })).toMatchObject({ error: 'invalid_target' });
    const { challenge } = pkce();
    const asked = { code_challenge: challenge, resource: API, scope: 'openid users.read' };
    const back = await new Visitor().signIn(authorizeUrl(latchkey.base, await latchkey.client(), asked), administrator);
    expect(back.get('error')).toBe('invalid_target');
  });

  test('gives a client the requested scopes among its allowed ones', async () => {
    const client = await machineWith(latchkey, 'users.read');
    expect((await clientTokens(latchkey, client, { scope }))['scope']).toBe('users.read');
    const { access_token: token } = await clientTokens(latchkey, client);
    expect(refusalOf(await callApi(latchkey, path, { token }))).toEqual([403, 'api.insufficient_scope']);
  });

  test('cannot be created or deleted by an operator', async () => {
    const create = latchkey.run('apis.create', { identifier: API, scopes: [{ name: 'everything' }] });
    await expect(create).rejects.toThrow('apis.identifier_taken');
    await expect(latchkey.run('apis.delete', { api_id: API })).rejects.toThrow('apis.not_found');
    expect(await opens(await ofClient())).toBe(true);
  });
});

describe('a token that is bound to a key (RFC 9449 §7)', () => {
  let key: ProofKey;
  let token: string;
  let address: string;
  beforeAll(async () => {
    key = await proofKey();
    address = `${latchkey.base}/api${path}`;
    const tokenUrl = `${latchkey.base}/oidc/token`;
    const answer = await clientTokens(latchkey, robot, { scope }, { dpop: await proofFor(key, 'POST', tokenUrl) });
    expect(answer['token_type']).toBe('DPoP');
    token = answer.access_token;
  });
  const withProof = async (proof: Promise<string>, shown = token) =>
    callApi(latchkey, path, { headers: { authorization: `DPoP ${shown}`, dpop: await proof } });

  test('opens the API with a proof of the key, once', async () => {
    const proof = proofFor(key, 'GET', address, {}, token);
    expect((await withProof(proof)).status).toBe(200);
    expect(refusalOf(await withProof(proof))).toEqual([401, 'api.invalid_token']);
  });

  test.each<[string, () => Promise<string>, string]>([
    ['of another key', async () => proofFor(await proofKey(), 'GET', address, {}, token), 'api.invalid_token'],
    ['for another method', () => proofFor(key, 'POST', address, {}, token), 'api.invalid_dpop_proof'],
    [
      'for another address',
      () => proofFor(key, 'GET', `${latchkey.base}/api/v1/clients`, {}, token),
      'api.invalid_dpop_proof',
    ],
    ['for userinfo', () => proofFor(key, 'GET', `${latchkey.base}/oidc/userinfo`, {}, token), 'api.invalid_dpop_proof'],
    ['for another token', () => proofFor(key, 'GET', address, {}, 'another'), 'api.invalid_dpop_proof'],
    ['for no token', () => proofFor(key, 'GET', address), 'api.invalid_dpop_proof'],
    [
      'that is old',
      () => proofFor(key, 'GET', address, { claims: { iat: 1_000_000_000 } }, token),
      'api.use_dpop_nonce',
    ],
  ])('is refused with a proof %s', async (_what, proof, code) => {
    const answer = await withProof(proof());
    expect(refusalOf(answer)).toEqual([401, code]);
    expect(answer.headers.get('www-authenticate')).toMatch(/^DPoP /);
  });

  test('opens the API with a proof of a wrong clock and a nonce from there, and an address that is spelled otherwise', async () => {
    const late = { iat: 1_000_000_000, htu: `${address.replace('api', '%61pi')}?limit=1#x` };
    const refused = await withProof(proofFor(key, 'GET', address, { claims: late }, token));
    const nonce = refused.headers.get('dpop-nonce');
    const proof = proofFor(key, 'GET', address, { claims: { ...late, nonce } }, token);
    expect((await withProof(proof)).status).toBe(200);
    expect(refusalOf(await withProof(proof))).toEqual([401, 'api.invalid_token']);
  });

  test('is refused as a bearer token, and a bearer token with a proof', async () => {
    expect(refusalOf(await callApi(latchkey, path, { token }))).toEqual([401, 'api.invalid_token']);
    const plain = await ofClient();
    const answer = await withProof(proofFor(key, 'GET', address, {}, plain), plain);
    expect(refusalOf(answer)).toEqual([401, 'api.invalid_token']);
  });
});
