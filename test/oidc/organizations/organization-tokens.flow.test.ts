import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { join, leave, organizationOf, setStatus, type TestOrganization } from '../../support/organizations.ts';
import { authorizeUrl, formsOf, pkce, post, tokensFor, type TokenAnswer, Visitor } from '../../support/visitor.ts';

const api = 'https://api.example';
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const jwtApi = 'https://jwt.example';

let latchkey: TestApp;
let client: TestClient;
let server: TestClient;
let user: TestUser;
let acme: TestOrganization;
let beta: TestOrganization;
let foreign: TestOrganization;
beforeAll(async () => {
  latchkey = await startTestApp();
  await latchkey.run('apis.create', { identifier: api, scopes: [{ name: 'read' }], token_format: 'opaque' });
  await latchkey.run('apis.create', { identifier: jwtApi, scopes: [{ name: 'read' }] });
  const apis = { [api]: ['*'], [jwtApi]: ['*'] };
  client = await latchkey.client({ first_party: true, apis, organization_usage: 'allow' });
  server = await latchkey.run('clients.create', { name: 'API', type: 'machine', apis });
  user = await latchkey.user();
  acme = await organizationOf(latchkey, [user], { slug: 'acme', name: 'Acme' });
  beta = await organizationOf(latchkey, [user], { slug: 'beta', name: 'Beta' });
  foreign = await organizationOf(latchkey, [], { slug: 'foreign' });
});
afterAll(() => latchkey.close());

const introspect = async (token: string, who = client) =>
  (await post(`${latchkey.base}/oidc/introspect`, who, { token })).body;
const userinfo = async (token: string) => {
  const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const tokens = (extra: Record<string, string> = {}, who = client, person = user) =>
  tokensFor(latchkey.base, who, person, { scope: 'openid offline_access', prompt: 'consent', ...extra });
const refresh = (token: string, more: Record<string, string> = {}, who = client): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, who, { grant_type: 'refresh_token', refresh_token: token, ...more });
const claimsOf = ({ id, slug, name }: TestOrganization) => ({
  org_id: id,
  org_slug: slug,
  org_name: name,
  org_roles: [],
});
/** The answer of the authorization endpoint to a browser, signed in or not. */
async function authorize(visitor: Visitor, extra: Record<string, string>, who = client): Promise<URLSearchParams> {
  const { location } = await visitor.request(
    authorizeUrl(latchkey.base, who, { code_challenge: pkce().challenge, ...extra }),
  );
  return new URL(location ?? latchkey.base).searchParams;
}
async function signedIn(person = user): Promise<Visitor> {
  const visitor = new Visitor();
  await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), person);
  return visitor;
}

describe('tokens for an organization', () => {
  test.each<[string, () => Record<string, string>]>([
    ['by id', () => ({ organization: acme.id })],
    ['by slug', () => ({ organization: 'acme' })],
    ['by a scope value', () => ({ scope: 'openid offline_access organization:acme' })],
    ['by both', () => ({ organization: 'acme', scope: 'openid offline_access organization:acme' })],
  ])('named %s: the ID token, userinfo and introspection say which', async (_how, named) => {
    const issued = await tokens(named());
    expect(decodeJwt(issued.id_token)).toMatchObject(claimsOf(acme));
    expect((await userinfo(issued.access_token)).body).toMatchObject(claimsOf(acme));
    expect(await introspect(issued.access_token)).toMatchObject({ active: true, ...claimsOf(acme) });
    expect(await introspect(issued.refresh_token)).toMatchObject({ active: true, ...claimsOf(acme) });
    expect(String(issued['scope'])).not.toContain('organization');
  });

  test('also those for APIs, opaque and JWT', async () => {
    for (const resource of [api, jwtApi]) {
      const issued = await tokens({ scope: 'openid read offline_access', resource, organization: 'acme' });
      const { body } = await refresh(issued.refresh_token, { resource });
      expect(await introspect(body.access_token, server)).toMatchObject({
        active: true,
        aud: resource,
        ...claimsOf(acme),
      });
      if (resource === jwtApi) expect(decodeJwt(body.access_token)).toMatchObject(claimsOf(acme));
    }
  });

  test.each([
    ['jwt', 600],
    ['opaque', 3000],
  ])('live as long as the API asks for, as a JWT ten minutes at most: %s', async (token_format, seconds) => {
    const resource = `https://long-${token_format}.example`;
    const given = { identifier: resource, scopes: [{ name: 'read' }], token_format, access_token_seconds: 3000 };
    await latchkey.run('apis.create', given);
    const app = await latchkey.client({ first_party: true, apis: { [resource]: ['*'] }, organization_usage: 'allow' });
    const issued = await userTokens(latchkey, app, user, 'openid read', { resource, organization: 'acme' });
    expect(issued['expires_in']).toBe(seconds);
    const { exp = 0, iat = 0 } = (await introspect(issued.access_token, app)) as { exp?: number; iat?: number };
    expect(exp - iat).toBe(seconds);
    const plain = await userTokens(latchkey, app, user, 'openid read', { resource });
    expect(plain['expires_in']).toBe(3000);
  });

  test('a sign-in without an organization says nothing of one', async () => {
    const issued = await tokens();
    for (const said of [decodeJwt(issued.id_token), (await userinfo(issued.access_token)).body])
      expect(Object.keys(said).filter((name) => name.startsWith('org_'))).toEqual([]);
    expect(await introspect(issued.access_token)).not.toHaveProperty('org_id');
  });

  test('a pushed request may name one', async () => {
    const { verifier, challenge } = pkce();
    const pushed = await post(`${latchkey.base}/oidc/par`, client, {
      client_id: client.client_id,
      response_type: 'code',
      redirect_uri: client.redirect_uris[0]!,
      scope: 'openid organization:acme',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    });
    expect(pushed.body).toHaveProperty('request_uri');
    const query = new URLSearchParams({ client_id: client.client_id, request_uri: String(pushed.body['request_uri']) });
    const answer = await new Visitor().signIn(`${latchkey.base}/oidc/auth?${query.toString()}`, user);
    const { body } = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: answer.get('code') ?? '',
      redirect_uri: client.redirect_uris[0]!,
      code_verifier: verifier,
    });
    expect(decodeJwt(body.id_token)).toMatchObject(claimsOf(acme));
  });
});

test('a request of a device may name one', async () => {
  const device = await latchkey.client({
    type: 'native',
    first_party: true,
    grant_types: ['authorization_code', DEVICE_GRANT],
    organization_usage: 'allow',
  });
  const asked = await post(`${latchkey.base}/oidc/device/auth`, device, { scope: 'openid', organization: 'acme' });
  const { user_code: userCode, device_code: deviceCode } = asked.body as unknown as Record<string, string>;
  const visitor = await signedIn();
  let page = await visitor.submit(await visitor.open(`${latchkey.base}/oidc/device`), { user_code: userCode! });
  page = await visitor.submit(page, {}, 'confirm');
  for (let pages = 0; pages < 3 && formsOf(page).length > 0; pages += 1)
    page = await visitor.submit(page, { password: user.password });
  const parameters = { grant_type: DEVICE_GRANT, device_code: deviceCode! };
  const { body } = await post(`${latchkey.base}/oidc/token`, device, parameters);
  expect(decodeJwt(body.id_token)).toMatchObject(claimsOf(acme));
});

describe('a request for an organization is refused', () => {
  test.each<[string, () => Record<string, string>]>([
    ['that the user does not belong to', () => ({ organization: foreign.id })],
    ['that does not exist', () => ({ organization: 'no-such-organization' })],
    ['with an id that does not exist', () => ({ organization: 'org_01h455vb4pex5vsknk084sn02q' })],
  ])('%s: access_denied, the same answer for each', async (_what, named) => {
    const answer = await authorize(await signedIn(), { prompt: 'none', ...named() });
    expect(Object.fromEntries(answer)).toMatchObject({
      error: 'access_denied',
      error_description: 'the user is not a member of the organization',
    });
  });

  test('that is suspended or closing', async () => {
    const other = await organizationOf(latchkey, [user]);
    const visitor = await signedIn();
    const ask = async () => (await authorize(visitor, { prompt: 'none', organization: other.slug })).get('error');
    expect(await ask()).toBeNull();
    for (const status of ['suspended', 'closing'] as const) {
      await setStatus(latchkey, other, status);
      expect(await ask()).toBe('access_denied');
    }
    await setStatus(latchkey, other, 'active');
    expect(await ask()).toBeNull();
  });

  test.each([
    ['two of them', { organization: 'acme', scope: 'openid organization:beta' }],
    ['two in scopes', { scope: 'openid organization:acme organization:beta' }],
    ['a text that no organization has', { organization: 'x'.repeat(200) }],
  ])('with %s', async (_what, named) => {
    expect((await authorize(new Visitor(), named)).get('error')).toBe('invalid_request');
  });

  test('of a client that may not ask for one', async () => {
    const plain = await latchkey.client({ first_party: true });
    expect((await authorize(new Visitor(), { organization: 'acme' }, plain)).get('error')).toBe('invalid_request');
    // A scope is a scope like any other, which is not known.
    const issued = await tokens({ scope: 'openid offline_access organization:acme' }, plain);
    expect(decodeJwt(issued.id_token)).not.toHaveProperty('org_id');
    const refused = await refresh(issued.refresh_token, { organization: 'acme' }, plain);
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_request']);
    expect((await refresh(issued.refresh_token, {}, plain)).status).toBe(200);
  });
});

describe('a switch', () => {
  test('by refresh: the tokens are for the other organization, and stay there', async () => {
    const issued = await tokens({ organization: 'acme' });
    const { body } = await refresh(issued.refresh_token, { organization: 'beta' });
    expect(decodeJwt(body.id_token)).toMatchObject(claimsOf(beta));
    expect(await introspect(body.access_token)).toMatchObject({ active: true, ...claimsOf(beta) });
    // The token before still is for the organization before.
    expect(await introspect(issued.access_token)).toMatchObject(claimsOf(acme));
    const next = await refresh(body.refresh_token);
    expect(decodeJwt(next.body.id_token)).toMatchObject(claimsOf(beta));
    const back = await refresh(next.body.refresh_token, { scope: 'openid organization:acme' });
    expect(decodeJwt(back.body.id_token)).toMatchObject(claimsOf(acme));
  });

  test.each(['foreign', 'no-such-organization'])(
    'by refresh to %s is refused, and the token is not used up',
    async (name) => {
      const issued = await tokens({ organization: 'acme' });
      const refused = await refresh(issued.refresh_token, { organization: name });
      expect([refused.status, refused.body.error]).toEqual([400, 'access_denied']);
      expect(decodeJwt((await refresh(issued.refresh_token)).body.id_token)).toMatchObject(claimsOf(acme));
    },
  );

  test('by prompt=none', async () => {
    const visitor = await signedIn();
    for (const organization of ['acme', 'beta'])
      expect((await authorize(visitor, { prompt: 'none', organization })).get('code')).not.toBeNull();
  });
});

describe('the end of a membership', () => {
  test('ends opaque tokens, introspection of JWTs, and refresh', async () => {
    const person = await latchkey.user();
    const other = await organizationOf(latchkey, [person]);
    const opaque = await tokens({ organization: other.slug }, client, person);
    const forApi = await tokens(
      { scope: 'openid read offline_access', resource: jwtApi, organization: other.slug },
      client,
      person,
    );
    const jwt = (await refresh(forApi.refresh_token, { resource: jwtApi })).body;
    const plain = await tokens({}, client, person);
    expect(await introspect(jwt.access_token, server)).toMatchObject({ active: true });
    await leave(latchkey, other, person);
    for (const token of [opaque.access_token, opaque.refresh_token])
      expect(await introspect(token)).toEqual({ active: false });
    expect(await introspect(jwt.access_token, server)).toEqual({ active: false });
    expect((await userinfo(opaque.access_token)).status).toBe(401);
    expect((await refresh(opaque.refresh_token)).body.error).toBe('invalid_grant');
    expect(await introspect(plain.access_token)).toMatchObject({ active: true });
    // A new membership does not wake the tokens of the old one.
    await join(latchkey, other, person, -1);
    expect(await introspect(opaque.refresh_token)).toEqual({ active: false });
    expect((await refresh(opaque.refresh_token)).body.error).toBe('invalid_grant');
  });

  test('by suspension ends them while it lasts', async () => {
    const person = await latchkey.user();
    const other = await organizationOf(latchkey, [person]);
    const issued = await tokens({ organization: other.slug }, client, person);
    await setStatus(latchkey, other, 'suspended');
    expect(await introspect(issued.access_token)).toEqual({ active: false });
    expect((await refresh(issued.refresh_token)).body.error).toBe('invalid_grant');
    await setStatus(latchkey, other, 'active');
    expect(await introspect(issued.access_token)).toMatchObject({ active: true });
  });

  test('before a code is used makes the code worthless', async () => {
    const person = await latchkey.user();
    const other = await organizationOf(latchkey, [person]);
    const { verifier, challenge } = pkce();
    const url = authorizeUrl(latchkey.base, client, { code_challenge: challenge, organization: other.slug });
    const answer = await new Visitor().signIn(url, person);
    await leave(latchkey, other, person);
    const { body } = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: answer.get('code') ?? '',
      redirect_uri: client.redirect_uris[0]!,
      code_verifier: verifier,
    });
    expect(body.error).toBe('invalid_grant');
  });

  test('and a client that may not ask any more: its tokens for organizations end', async () => {
    const other = await latchkey.client({ first_party: true, organization_usage: 'allow' });
    const issued = await tokens({ organization: 'acme' }, other);
    await latchkey.run('clients.update', { client_id: other.client_id, organization_usage: null });
    expect(await introspect(issued.access_token, other)).toEqual({ active: false });
  });
});

describe('a client that requires an organization', () => {
  let strict: TestClient;
  beforeAll(async () => {
    strict = await latchkey.client({ first_party: true, organization_usage: 'require' });
  });

  test('gets the only one of the user', async () => {
    const person = await latchkey.user();
    const only = await organizationOf(latchkey, [person]);
    expect(decodeJwt((await tokens({}, strict, person)).id_token)).toMatchObject(claimsOf(only));
  });

  test('asks a user with several to choose', async () => {
    const answer = await authorize(await signedIn(), { prompt: 'none' }, strict);
    expect(answer.get('error')).toBe('interaction_required');
  });

  test('refuses a user without any', async () => {
    const person = await latchkey.user();
    const answer = await authorize(await signedIn(person), { prompt: 'none' }, strict);
    expect(answer.get('error')).toBe('access_denied');
  });
});
