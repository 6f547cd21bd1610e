import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, pkce, post, type TokenAnswer, Visitor } from '../../support/visitor.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const opaqueApi = 'https://opaque.example';
const jwtApi = 'https://jwt.example';
const scope = 'openid email offline_access read list';

let latchkey: TestApp;
let server: TestClient;
let user: TestUser;
let browser: Visitor;
beforeAll(async () => {
  latchkey = await startTestApp();
  await createApi(opaqueApi);
  await createApi(jwtApi);
  const apis = { [opaqueApi]: ['*'], [jwtApi]: ['*'] };
  server = await latchkey.run('clients.create', { name: 'API', type: 'machine', apis });
  user = await latchkey.user();
  browser = await signedIn(user);
});
afterAll(() => latchkey.close());

const createApi = (identifier: string, scopes = identifier === jwtApi ? ['list', 'more'] : ['read', 'more']) =>
  latchkey.run('apis.create', {
    identifier,
    scopes: scopes.map((name) => ({ name })),
    token_format: identifier === jwtApi ? 'jwt' : 'opaque',
  });

async function signedIn(who: TestUser): Promise<Visitor> {
  const visitor = new Visitor();
  const web = await latchkey.client({ first_party: true });
  await visitor.signIn(authorizeUrl(latchkey.base, web, { code_challenge: pkce().challenge }), who);
  return visitor;
}

const token = (client: TestClient, parameters: Record<string, string>): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, client, parameters);
const refresh = (client: TestClient, value: string, more: Record<string, string> = {}): Promise<TokenAnswer> =>
  token(client, { grant_type: 'refresh_token', refresh_token: value, ...more });

type Held = {
  client: TestClient;
  who: TestUser;
  access: string;
  refresh: string;
  opaque: string;
  jwt: string;
  code: Record<string, string>;
  device: Record<string, string>;
};

async function codeOf(
  client: TestClient,
  who: TestUser,
  visitor: Visitor,
  more: Record<string, string | undefined> = {},
) {
  const { verifier, challenge } = pkce();
  const asked = { scope, prompt: 'consent', code_challenge: challenge, ...more };
  const resources = Object.keys((client['apis'] as object | undefined) ?? {}).map((api) => `&resource=${api}`);
  const url = authorizeUrl(latchkey.base, client, asked) + resources.join('');
  const code = (await visitor.signIn(url, who)).get('code') ?? '';
  const redirect_uri = client.redirect_uris[0] ?? '';
  return { grant_type: 'authorization_code', code, redirect_uri, code_verifier: verifier };
}

async function deviceCodeOf(client: TestClient, visitor: Visitor): Promise<Record<string, string>> {
  const asked = (await post(`${latchkey.base}/oidc/device/auth`, client, { scope: 'openid email offline_access' }))
    .body;
  let page = await visitor.open(`${latchkey.base}/oidc/device`);
  page = await visitor.submit(page, { user_code: String(asked['user_code']) });
  page = await visitor.submit(page, {}, 'confirm');
  while (formsOf(page)[0]?.buttons.some(({ value }) => value === 'allow'))
    page = await visitor.submit(page, {}, 'allow');
  return { grant_type: DEVICE, device_code: String(asked['device_code']) };
}

/** One client with a token, a code and a refresh token of every kind. */
async function everything(who = user, visitor = browser, given: Record<string, unknown> = {}): Promise<Held> {
  const client = await latchkey.client({
    grant_types: ['authorization_code', 'refresh_token', DEVICE],
    apis: { [opaqueApi]: ['read'], [jwtApi]: ['list'] },
    ...given,
  });
  const { body } = await token(client, await codeOf(client, who, visitor));
  const opaque = (await refresh(client, body.refresh_token, { resource: opaqueApi })).body;
  const jwt = (await refresh(client, opaque.refresh_token, { resource: jwtApi })).body;
  return {
    client,
    who,
    access: body.access_token,
    refresh: jwt.refresh_token,
    opaque: opaque.access_token,
    jwt: jwt.access_token,
    code: await codeOf(client, who, visitor),
    device: await deviceCodeOf(client, visitor),
  };
}

const sorted = (text: unknown): string => String(text).split(' ').sort().join(' ');
/** The scope in an answer, or the error. */
const outcome = ({ status, body }: TokenAnswer): string => (status === 200 ? sorted(body['scope']) : body.error);
async function seen(value: string, by: TestClient): Promise<string> {
  const { body } = await post(`${latchkey.base}/oidc/introspect`, by, { token: value });
  return body['active'] === true ? sorted(body['scope']) : (body.error ?? 'inactive');
}
async function told(value: string): Promise<string> {
  const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${value}` } });
  return answer.status === 200 ? sorted(Object.keys((await answer.json()) as object).join(' ')) : String(answer.status);
}

/** The present response to each use of a client's tokens. */
async function worth({ client, access, opaque, jwt, code, device, ...held }: Held) {
  return {
    access: await seen(access, client),
    refreshSeen: await seen(held.refresh, client),
    opaque: await seen(opaque, server),
    jwt: await seen(jwt, server),
    userinfo: await told(access),
    code: outcome(await token(client, code)),
    device: outcome(await token(client, device)),
    refresh: outcome(await refresh(client, held.refresh)),
  };
}
type Worth = Awaited<ReturnType<typeof worth>>;

const whole: Worth = {
  access: 'email offline_access openid',
  refreshSeen: 'email list offline_access openid read',
  opaque: 'read',
  jwt: 'list',
  userinfo: 'email email_verified sub',
  code: 'email offline_access openid',
  device: 'email offline_access openid',
  refresh: 'email offline_access openid',
};
const nothing: Worth = {
  access: 'inactive',
  refreshSeen: 'inactive',
  opaque: 'inactive',
  jwt: 'inactive',
  userinfo: '401',
  code: 'invalid_grant',
  device: 'invalid_grant',
  refresh: 'invalid_grant',
};
/** The client itself cannot even ask. */
const noClient = Object.fromEntries(Object.keys(nothing).map((use) => [use, 'invalid_client'])) as Worth;

const change = (values: Record<string, unknown>) => (held: Held) =>
  latchkey.run('clients.update', { client_id: held.client.client_id, ...values });
const codeGrant = { grant_types: ['refresh_token', DEVICE], response_types: [], redirect_uris: [] };

type Row = [string, (held: Held) => Promise<unknown>, Partial<Worth>];

describe('a grant does not keep withdrawn rights', () => {
  test.each<Row>([
    ['nothing', async () => undefined, {}],
    [
      'email, from the client',
      change({ scope: 'openid profile offline_access' }),
      {
        access: 'offline_access openid',
        refreshSeen: 'list offline_access openid read',
        userinfo: 'sub',
        code: 'offline_access openid',
        device: 'offline_access openid',
        refresh: 'offline_access openid',
      },
    ],
    ['openid, from the client', change({ scope: 'email offline_access' }), { ...nothing, opaque: 'read', jwt: 'list' }],
    [
      'offline_access, from the client',
      change({ scope: 'openid email' }),
      {
        access: 'email openid',
        refreshSeen: 'inactive',
        code: 'email openid',
        device: 'email openid',
        refresh: 'invalid_grant',
      },
    ],
    [
      'the scope of one API, from the client',
      change({ apis: { [opaqueApi]: ['more'], [jwtApi]: ['list'] } }),
      { refreshSeen: 'email list offline_access openid', opaque: 'inactive' },
    ],
    [
      'both APIs, from the client',
      change({ apis: {} }),
      { refreshSeen: 'email offline_access openid', opaque: 'inactive', jwt: 'inactive' },
    ],
    [
      'the grant type refresh_token',
      change({ grant_types: ['authorization_code', DEVICE] }),
      { refreshSeen: 'inactive', opaque: 'inactive', jwt: 'inactive', refresh: 'invalid_request' },
    ],
    [
      'the grant type authorization_code',
      change(codeGrant),
      { ...nothing, code: 'invalid_request', device: whole.device },
    ],
    [
      'the grant type of devices',
      change({ grant_types: ['authorization_code', 'refresh_token'] }),
      { device: 'invalid_request' },
    ],
    [
      'the redirect URI of the code',
      change({ redirect_uris: ['http://127.0.0.1:9/other'] }),
      { code: 'invalid_grant' },
    ],
    [
      'the consent',
      ({ who, client }) => latchkey.run('users.consents.delete', { user_id: who.id, client_id: client.client_id }),
      nothing,
    ],
    [
      'the client, for a while',
      ({ client }) => latchkey.run('clients.disable', { client_id: client.client_id }),
      { ...noClient, opaque: 'inactive', jwt: 'inactive', userinfo: '401' },
    ],
    [
      'the client, for good',
      ({ client }) => latchkey.run('clients.delete', { client_id: client.client_id }),
      { ...noClient, opaque: 'inactive', jwt: 'inactive', userinfo: '401' },
    ],
  ])('%s', async (_what, take, left) => {
    const held = await everything();
    await take(held);
    expect(await worth(held)).toEqual({ ...whole, ...left });
  });

  test('a scope of an API, or the API itself, withdrawn from every client', async () => {
    const held = await everything();
    await latchkey.run('apis.delete', { api_id: opaqueApi });
    expect(await seen(held.opaque, held.client)).toBe('inactive');
    const gone = await refresh(held.client, held.refresh, { resource: opaqueApi });
    expect(outcome(gone)).toBe('invalid_target');
    await createApi(opaqueApi, ['more']);
    expect(await seen(held.opaque, server)).toBe('inactive');
    expect(await seen(held.refresh, held.client)).toBe('email list offline_access openid');
    const empty = await refresh(held.client, held.refresh, { resource: opaqueApi });
    expect(outcome(empty)).toBe('invalid_target');
    // The refused request has not consumed the refresh token.
    expect(outcome(await refresh(held.client, held.refresh, { resource: jwtApi }))).toBe('list');
    await latchkey.run('apis.delete', { api_id: opaqueApi });
    await createApi(opaqueApi);
  });

  test.each([
    ['disabled', (who: TestUser) => latchkey.run('users.disable', { user_id: who.id })],
    [
      'erased',
      // As every writer of users does, in a transaction: what is kept of users in memory ends with it.
      ({ email }: TestUser) =>
        latchkey.app.database.transaction((em) => em.execute('delete from users where email = ?', [email])),
    ],
  ])('all rights, withdrawn from a user who is %s', async (_what, end) => {
    const other = await latchkey.user();
    const held = await everything(other, await signedIn(other));
    await end(other);
    expect(await worth(held)).toEqual(nothing);
  });

  test('all rights, when a first-party client becomes one that needs consent; the next sign-in asks for it', async () => {
    const client = await latchkey.client({ first_party: true });
    const asked = { scope: 'openid email', prompt: undefined };
    const { body } = await token(client, await codeOf(client, user, browser, asked));
    const code = await codeOf(client, user, browser, asked);
    expect(await seen(body.access_token, client)).toBe('email openid');
    await change({ first_party: false })({ client } as Held);
    expect(await seen(body.access_token, client)).toBe('inactive');
    expect(await told(body.access_token)).toBe('401');
    expect(outcome(await token(client, code))).toBe('invalid_grant');
    const silent = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'none' });
    expect((await browser.signIn(silent, user)).get('error')).toBe('consent_required');
  });

  test('claims that were requested one by one are withdrawn with their scope', async () => {
    const { client } = await everything();
    const claims = JSON.stringify({ userinfo: { email: null, given_name: null } });
    const { body } = await token(client, await codeOf(client, user, browser, { scope: 'openid', claims }));
    expect(await told(body.access_token)).toContain('email');
    await change({ scope: 'openid profile offline_access' })({ client } as Held);
    expect(await told(body.access_token)).not.toContain('email');
  });
});

test.each<['access' | 'opaque' | 'jwt', string]>([
  ['access', whole.access],
  ['opaque', whole.opaque],
  ['jwt', whole.jwt],
])(
  'a token that outlived its session by offline_access ends when that scope is withdrawn: %s',
  async (which, scopes) => {
    const other = await latchkey.user();
    const held = await everything(other, await signedIn(other));
    const [session] = (await latchkey.run<{ sessions: { id: string }[] }>('users.sessions.list', { user_id: other.id }))
      .sessions;
    await latchkey.run('users.sessions.delete', { user_id: other.id, session_id: session?.id });
    await signedIn(other);
    expect(await seen(held[which], held.client)).toBe(scopes);
    await change({ scope: 'openid email' })(held);
    expect(await seen(held[which], held.client)).toBe('inactive');
    if (which === 'access') expect(await told(held.access)).toBe('401');
    await change({ scope: null })(held);
    expect(await seen(held[which], held.client)).toBe(scopes);
  },
);

test('a token of the front channel ends when the operator closes the front channel', async () => {
  await latchkey.run('settings.update', { name: 'oidc.responseTypes', value: '"all"' });
  const client = await latchkey.client({
    first_party: true,
    redirect_uris: ['https://shop.example/cb'],
    grant_types: ['implicit', 'authorization_code'],
    response_types: ['id_token token', 'code'],
  });
  const asked = { response_type: 'id_token token', response_mode: 'form_post', code_challenge: undefined };
  const url = authorizeUrl(latchkey.base, client, { ...asked, code_challenge_method: undefined });
  const [form] = formsOf(await browser.open(url));
  const access = form?.fields['access_token'] ?? '';
  expect(await seen(access, client)).toBe('openid');
  await latchkey.run('settings.update', { name: 'oidc.responseTypes', value: '"code"' });
  expect([await seen(access, client), await told(access)]).toEqual(['inactive', '401']);
});

test('a client that registered itself and gives up a scope loses it', async () => {
  await latchkey.run('settings.update', { name: 'oidc.registration', value: '"open"' });
  const headers = { 'content-type': 'application/json' };
  const register = (url: string, method: string, body: object, more: Record<string, string> = {}) =>
    fetch(url, { method, headers: { ...headers, ...more }, body: JSON.stringify(body) });
  const metadata = { redirect_uris: ['http://127.0.0.1:9/cb'], scope: 'openid email' };
  const answer = await register(`${latchkey.base}/oidc/register`, 'POST', metadata);
  const client = (await answer.json()) as TestClient;
  const given = { scope: 'openid email', prompt: undefined };
  const { body } = await token(client, await codeOf(client, user, browser, given));
  expect(await told(body.access_token)).toBe('email email_verified sub');
  const { registration_access_token: bearer, registration_client_uri: url } = client;
  const { client_id, client_secret } = client;
  const changed = { client_id, client_secret, redirect_uris: client.redirect_uris, scope: 'openid' };
  const update = await register(String(url), 'PUT', changed, { authorization: `Bearer ${String(bearer)}` });
  expect(update.status).toBe(200);
  expect([await seen(body.access_token, client), await told(body.access_token)]).toEqual(['openid', 'sub']);
  await latchkey.run('settings.update', { name: 'oidc.registration', value: '"off"' });
});

describe('restored rights', () => {
  test('a scope that the client gets again is in its old tokens again', async () => {
    const held = await everything();
    await change({ scope: 'openid offline_access' })(held);
    const narrow = await refresh(held.client, held.refresh);
    expect(outcome(narrow)).toBe('offline_access openid');
    await change({ scope: null })(held);
    expect(outcome(await refresh(held.client, narrow.body.refresh_token))).toBe(whole.refresh);
    expect(await seen(held.access, held.client)).toBe(whole.access);
  });

  test('a client that is enabled again can use its old tokens', async () => {
    const held = await everything();
    await latchkey.run('clients.disable', { client_id: held.client.client_id });
    expect(await seen(held.opaque, server)).toBe('inactive');
    await latchkey.run('clients.enable', { client_id: held.client.client_id });
    expect(await worth(held)).toEqual(whole);
  });

  test('a new consent revives no old token', async () => {
    const held = await everything();
    await latchkey.run('users.consents.delete', { user_id: user.id, client_id: held.client.client_id });
    await token(held.client, await codeOf(held.client, user, browser));
    expect(await worth(held)).toEqual(nothing);
  });

  test('a client may always revoke its remaining tokens', async () => {
    const held = await everything();
    await change({ scope: 'email offline_access' })(held);
    expect((await post(`${latchkey.base}/oidc/revoke`, held.client, { token: held.refresh })).status).toBe(200);
    await change({ scope: null })(held);
    expect(await seen(held.refresh, held.client)).toBe('inactive');
  });

  test('a refresh token that is used twice ends its family, also when it had lost all rights', async () => {
    const held = await everything();
    const successor = (await refresh(held.client, held.refresh)).body.refresh_token;
    const next = (await refresh(held.client, successor)).body.refresh_token;
    await change({ scope: 'email offline_access' })(held);
    expect(outcome(await refresh(held.client, held.refresh))).toBe('invalid_grant');
    await change({ scope: null })(held);
    expect(outcome(await refresh(held.client, next))).toBe('invalid_grant');
  });
});
