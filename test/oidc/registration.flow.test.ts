import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { createSigner } from '../support/signer.ts';
import { authorizeUrl, pkce, post, Visitor } from '../support/visitor.ts';

type Body = Record<string, unknown>;
type Answer = { status: number; body: Body; headers: Headers };

let latchkey: TestApp;
let user: TestUser;

const redirectUri = 'https://software.example/cb';
const given = { client_name: 'Software', redirect_uris: [redirectUri] };

beforeAll(async () => {
  latchkey = await startTestApp({
    settings: { 'oidc.registration': 'open', 'limits.registrationsPerAddress': 10_000 },
  });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());
afterEach(() => vi.useRealTimers());

async function send(url: string, method: string, body?: unknown, token?: string): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    body: text.startsWith('{') ? (JSON.parse(text) as Body) : {},
    headers: answer.headers,
  };
}
const register = (metadata: unknown, token?: string): Promise<Answer> =>
  send(`${latchkey.base}/oidc/register`, 'POST', metadata, token);
const manage = (registered: Body, method: string, body?: unknown): Promise<Answer> =>
  send(String(registered['registration_client_uri']), method, body, String(registered['registration_access_token']));
const set = (name: string, value: unknown) =>
  latchkey.run('settings.update', { name: `oidc.${name}`, value: JSON.stringify(value) });
/** Members that an update must repeat or must not contain (RFC 7592 §2.2). */
function updateOf({
  registration_access_token: _token,
  registration_client_uri: _uri,
  client_id_issued_at: _at,
  client_secret_expires_at: _end,
  ...rest
}: Body): Body {
  return rest;
}

describe('registering (RFC 7591 §3)', () => {
  test('returns an id, a secret and a management token and address (§3.2.1)', async () => {
    const { status, body, headers } = await register(given);
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toContain('no-store');
    expect(body).toMatchObject({
      ...given,
      client_id: expect.any(String),
      client_secret: expect.stringMatching(/^\S{32,}$/),
      client_secret_expires_at: 0,
      client_id_issued_at: expect.any(Number),
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      response_types: ['code'],
    });
    expect(body['registration_client_uri']).toBe(`${latchkey.base}/oidc/register/${String(body['client_id'])}`);
    expect(body['registration_access_token']).toMatch(/^lk_rg_/);
  });

  test('is enough to sign a user in, who is asked for consent', async () => {
    const { body } = await register({ ...given, grant_types: ['authorization_code', 'refresh_token'] });
    const client = body as { client_id: string; client_secret: string; redirect_uris: string[] };
    const { verifier, challenge } = pkce();
    const url = authorizeUrl(latchkey.base, client, { code_challenge: challenge });
    const visitor = new Visitor();
    const back = await visitor.signIn(url, user);
    const tokens = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    expect(tokens.status).toBe(200);
    const other = (await register(given)).body as typeof client;
    const page = await visitor.open(authorizeUrl(latchkey.base, other, { code_challenge: pkce().challenge }));
    expect(page.text).toContain('value="allow"');
  });

  test.each([
    { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_dns: 'software.example' },
    { tls_client_certificate_bound_access_tokens: true },
  ])(
    '%o is refused where no client certificate can arrive (RFC 8705), also at a change and by command',
    async (wish) => {
      const [member = ''] = Object.keys(wish);
      const refused = [400, { error: 'invalid_client_metadata', error_description: expect.stringContaining(member) }];
      const answer = await register({ ...given, ...wish });
      expect([answer.status, answer.body]).toEqual(refused);
      const { body: registered } = await register(given);
      const changed = await manage(registered, 'PUT', { ...updateOf(registered), ...wish });
      expect([changed.status, changed.body]).toEqual(refused);
      await expect(latchkey.client(wish)).rejects.toThrow('needs client certificates');
      await expect(latchkey.run('clients.update', { client_id: registered['client_id'], ...wish })).rejects.toThrow(
        'needs client certificates',
      );
    },
  );

  test('a public client gets no secret', async () => {
    const { body } = await register({ ...given, token_endpoint_auth_method: 'none' });
    expect(body).not.toHaveProperty('client_secret');
  });

  test('accepts the members of OpenID Connect Dynamic Client Registration §2', async () => {
    const signer = await createSigner('ES256');
    const full = {
      ...given,
      application_type: 'web',
      contacts: ['dev@software.example'],
      logo_uri: 'https://software.example/logo.png',
      client_uri: 'https://software.example/',
      policy_uri: 'https://software.example/privacy',
      tos_uri: 'https://software.example/terms',
      initiate_login_uri: 'https://software.example/start',
      subject_type: 'pairwise',
      jwks: signer.jwks,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      id_token_signed_response_alg: 'ES256',
      userinfo_signed_response_alg: 'ES256',
      request_object_signing_alg: 'ES256',
      default_max_age: 3600,
      require_auth_time: true,
      default_acr_values: ['urn:latchkey:acr:1'],
      post_logout_redirect_uris: ['https://software.example/bye'],
      backchannel_logout_uri: 'https://software.example/logout',
      backchannel_logout_session_required: true,
      scope: 'openid email',
    };
    const { status, body } = await register(full);
    expect(body['error_description']).toBeUndefined();
    expect(status).toBe(201);
    expect(body).toMatchObject(full);
    expect((await manage(body, 'GET')).body).toMatchObject(full);
  });

  test('unknown members are omitted (§2)', async () => {
    const { status, body } = await register({ ...given, favourite_colour: 'blue', software_statement: 'x.y.z' });
    expect(status).toBe(201);
    expect(body).not.toHaveProperty('favourite_colour');
  });

  test.each([
    ['[]', 400],
    ['null', 400],
    ['"x"', 400],
    ['{', 400],
    ['', 400],
    [`{"redirect_uris":"${redirectUri}"}`, 400],
    ['{"redirect_uris":[1]}', 400],
    ['{"redirect_uris":[null]}', 400],
    ['{"redirect_uris":{}}', 400],
    ['{}', 400],
    [`{"redirect_uris":["${redirectUri}"],"grant_types":"authorization_code"}`, 400],
    [`{"redirect_uris":["${redirectUri}"],"scope":["openid"]}`, 400],
    [`{"redirect_uris":["${redirectUri}"],"__proto__":{"first_party":true},"response_types":[]}`, 400],
  ])('%s is refused, without a fault', async (body, status) => {
    const answer = await register(body);
    expect(answer.status).toBe(status);
    expect(answer.body['error']).toMatch(/^invalid_/);
  });

  test.each([
    'first_party',
    'skip_consent',
    'tenant',
    'profile',
    'apis',
    'client_secret',
    'client_id',
    'client_id_issued_at',
  ])('%s cannot be set by the client (RFC 7591 §5)', async (member) => {
    const value = 'chosen-by-the-software-itself-and-long-enough';
    const { body } = await register({ ...given, [member]: value });
    expect(JSON.stringify(body)).not.toContain(value);
  });

  test('the profile that the operator decides cannot be set either', async () => {
    const { status, body } = await register({ ...given, latchkey_profile: 'fapi2_security' });
    expect([status, body['error']]).toEqual([400, 'invalid_client_metadata']);
  });
});

describe('the ceiling of the operator (settings oidc.registrationGrants, oidc.registrationScopes)', () => {
  beforeAll(async () => {
    await set('registrationScopes', ['openid', 'email']);
    await set('registrationGrants', ['authorization_code']);
  });
  afterAll(async () => {
    await set('registrationScopes', null);
    await set('registrationGrants', null);
  });

  test.each([
    [{ grant_types: ['authorization_code', 'refresh_token'] }],
    [{ grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }],
    [{ grant_types: ['urn:ietf:params:oauth:grant-type:device_code'], response_types: [], redirect_uris: [] }],
    [{ grant_types: ['password'] }],
    [{ scope: 'openid profile' }],
    [{ scope: 'openid offline_access' }],
    [{ scope: 'openid admin' }],
    [{ scope: 'openid  email' }],
  ])('%j is refused', async (extra) => {
    const { status, body } = await register({ ...given, ...extra });
    expect([status, body['error']]).toEqual([400, 'invalid_client_metadata']);
  });

  test('applies to each update as well', async () => {
    const { body } = await register(given);
    for (const extra of [{ grant_types: ['authorization_code', 'refresh_token'] }, { scope: 'openid profile' }]) {
      const refused = await manage(body, 'PUT', { ...updateOf(body), ...extra });
      expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_client_metadata']);
    }
    expect((await manage(body, 'GET')).body).toMatchObject({
      grant_types: ['authorization_code'],
      scope: 'openid email',
    });
  });

  test('applies to a client without scopes, and a request beyond it is refused', async () => {
    const { body } = await register(given);
    expect(body['scope']).toBe('openid email');
    const page = await new Visitor().request(
      authorizeUrl(latchkey.base, body as never, { code_challenge: pkce().challenge, scope: 'openid phone' }),
    );
    expect(new URL(page.location ?? 'x:').searchParams.get('error')).toBe('invalid_scope');
  });
});

describe('managing (RFC 7592)', () => {
  test('each update returns another token, and the old one is invalid (§3)', async () => {
    const { body: first } = await register(given);
    const { body: second, status } = await manage(first, 'PUT', { ...updateOf(first), client_name: 'Renamed' });
    expect([status, second['client_name'], second['client_secret']]).toEqual([200, 'Renamed', first['client_secret']]);
    expect(second['registration_access_token']).not.toBe(first['registration_access_token']);
    expect((await manage(first, 'GET')).status).toBe(401);
    expect(
      (await manage({ ...first, registration_access_token: second['registration_access_token'] }, 'GET')).status,
    ).toBe(200);
  });

  test('reading changes nothing', async () => {
    const { body } = await register(given);
    const reads = [await manage(body, 'GET'), await manage(body, 'GET')];
    expect(reads.map((read) => read.body['registration_access_token'])).toEqual([
      body['registration_access_token'],
      body['registration_access_token'],
    ]);
  });

  test('an update replaces everything: omitted members get their default again (§2.2)', async () => {
    const { body } = await register({
      ...given,
      logo_uri: 'https://software.example/logo.png',
      id_token_signed_response_alg: 'ES256',
    });
    const { logo_uri: _logo, id_token_signed_response_alg: _alg, ...rest } = updateOf(body);
    const { body: updated } = await manage(body, 'PUT', rest);
    expect(updated).not.toHaveProperty('logo_uri');
    expect(updated['id_token_signed_response_alg']).toBe('RS256');
  });

  test.each<[string, Body]>([
    ['a bad redirect_uri', { redirect_uris: ['javascript:alert(1)'] }],
    ['no redirect_uri', { redirect_uris: [] }],
    ['another client_id', { client_id: 'another' }],
    ['no client_id', { client_id: undefined }],
    ['another secret', { client_secret: 'x'.repeat(43) }],
    ['its own token', { registration_access_token: 'x' }],
    ['its own address', { registration_client_uri: 'https://evil.example' }],
    ['its own expiry', { client_secret_expires_at: 1 }],
    ['an operator profile', { latchkey_profile: 'fapi2_security' }],
    ['a private key', { jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' }] } }],
  ])('%s is refused in an update, which changes nothing', async (_what, extra) => {
    const { body } = await register(given);
    const refused = await manage(body, 'PUT', { ...updateOf(body), client_name: 'Changed', ...extra });
    expect(refused.status).toBe(400);
    expect((await manage(body, 'GET')).body['client_name']).toBe('Software');
  });

  test('the token of one client opens no other, and is revoked after the try', async () => {
    const [{ body: mine }, { body: other }] = [await register(given), await register(given)];
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect(
        (
          await manage(
            { ...mine, registration_client_uri: other['registration_client_uri'] },
            method,
            method === 'PUT' ? updateOf(other) : undefined,
          )
        ).status,
      ).toBe(401);
    expect((await manage(mine, 'GET')).status).toBe(401);
    expect((await manage(other, 'GET')).status).toBe(200);
  });

  test.each(['', 'x', 'lk_rg_AAAA'])('the token %j opens nothing', async (token) => {
    const { body } = await register(given);
    const refused = await manage({ ...body, registration_access_token: token }, 'GET');
    expect([400, 401]).toContain(refused.status);
    if (refused.status === 401) expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  test('a token in the address is ignored (RFC 6750 §5.3)', async () => {
    const { body } = await register(given);
    const answer = await fetch(
      `${String(body['registration_client_uri'])}?access_token=${String(body['registration_access_token'])}`,
    );
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  test('a deleted client is gone, with its token and its sign-in (§2.3)', async () => {
    const { body } = await register(given);
    expect((await manage(body, 'DELETE')).status).toBe(204);
    expect((await manage(body, 'GET')).status).toBe(401);
    const page = await new Visitor().request(
      authorizeUrl(latchkey.base, body as never, { code_challenge: pkce().challenge }),
    );
    expect([page.status, page.location]).toEqual([400, null]);
  });

  test('a client that an operator created cannot be managed', async () => {
    const [client, { body }] = [await latchkey.client(), await register(given)];
    expect(
      (
        await manage(
          { ...body, registration_client_uri: `${latchkey.base}/oidc/register/${client.client_id}` },
          'DELETE',
        )
      ).status,
    ).toBe(401);
  });

  test('the operator’s decisions about a registered client survive its updates', async () => {
    const signer = await createSigner('PS256');
    const { body } = await register({
      ...given,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: signer.jwks,
      id_token_signed_response_alg: 'PS256',
      token_endpoint_auth_signing_alg: 'PS256',
      authorization_signed_response_alg: 'PS256',
      introspection_signed_response_alg: 'PS256',
      dpop_bound_access_tokens: true,
    });
    await latchkey.run('clients.update', { client_id: body['client_id'], profile: 'fapi2_security' });
    const read = (await manage(body, 'GET')).body;
    expect(read['latchkey_profile']).toBe('fapi2_security');
    const updated = await manage(read, 'PUT', { ...updateOf(read), client_name: 'Renamed' });
    expect([updated.status, updated.body['error_description']]).toEqual([200, undefined]);
    expect(updated.body['latchkey_profile']).toBe('fapi2_security');
    const weaker = await manage(updated.body, 'PUT', {
      ...updateOf(updated.body),
      id_token_signed_response_alg: 'RS256',
    });
    expect(weaker.status).toBe(400);
  });
});

describe('a flood of registrations (setting limits.registrationsPerAddress)', () => {
  test('is stopped before anything is stored, and told when to retry', async () => {
    const flooded = await startTestApp({
      settings: { 'oidc.registration': 'open', 'limits.registrationsPerAddress': 3 },
    });
    const answers: Answer[] = [];
    for (let n = 0; n < 5; n += 1) answers.push(await send(`${flooded.base}/oidc/register`, 'POST', given));
    const { clients } = await flooded.run<{ clients: unknown[] }>('clients.list');
    await flooded.close();
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 429, 429]);
    expect(answers.at(-1)?.body['error']).toBe('temporarily_unavailable');
    expect(Number(answers.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(JSON.stringify(clients).match(/"Software"/g)).toHaveLength(3);
  });
});

describe('by initial access token (setting oidc.registration=token)', () => {
  beforeAll(() => set('registration', 'token'));

  test('a token from the command line registers clients until it expires', async () => {
    const made = await latchkey.run<{ initial_access_token: string; expires_at: string }>(
      'registration_tokens.create',
      {
        expires_in_seconds: 120,
      },
    );
    expect(made.initial_access_token).toMatch(/^lk_it_/);
    expect((await register(given, made.initial_access_token)).status).toBe(201);
    expect((await register(given, made.initial_access_token)).status).toBe(201);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 140_000 });
    expect((await register(given, made.initial_access_token)).status).toBe(401);
  });

  test.each([undefined, 'x', 'lk_it_AAAA'])('%j does not register clients', async (token) => {
    const refused = await register(given, token);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refused.body['client_id']).toBeUndefined();
    if (token !== undefined) expect([refused.status, refused.body['error']]).toEqual([401, 'invalid_token']);
  });

  test('the token of a registered client and an access token do not either', async () => {
    const made = await latchkey.run<{ initial_access_token: string }>('registration_tokens.create');
    const { body } = await register(given, made.initial_access_token);
    expect((await register(given, String(body['registration_access_token']))).status).toBe(401);
    expect((await manage({ ...body, registration_access_token: made.initial_access_token }, 'GET')).status).toBe(401);
  });

  test.each([
    { expires_in_seconds: 1 },
    { expires_in_seconds: 365 * 86_400 },
    { expires_in_seconds: 'long' },
    { colour: 'blue' },
  ])('the command refuses %j', async (input) => {
    await expect(latchkey.run('registration_tokens.create', input)).rejects.toThrow('input.invalid');
  });

  test('is in the audit log, without the token', async () => {
    const made = await latchkey.run<{ initial_access_token: string }>('registration_tokens.create');
    const rows = await latchkey.app.database.sql<{ details: unknown }>(
      "select details from audit_record where type = 'registration_token.created'",
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(made.initial_access_token);
  });
});

describe('off, the default', () => {
  beforeAll(() => set('registration', 'off'));

  test('the address does not exist, and no token for it', async () => {
    expect((await register(given)).status).toBe(404);
    await expect(latchkey.run('registration_tokens.create')).rejects.toThrow('dynamic registration is off');
  });
});
