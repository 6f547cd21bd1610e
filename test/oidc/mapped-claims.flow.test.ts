import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { tokensFor } from '../support/visitor.ts';

type Claims = Record<string, unknown>;
type Told = { idToken: Claims; userinfo: Claims };
type Preview = { scope: string; user_id: string; id_token: Claims | null; userinfo: Claims | null };

let latchkey: TestApp;
let ada: TestUser;
let bare: TestUser;
const properties = [
  { name: 'department', type: 'text', label: 'Department', visibility: 'operator', editable: 'operator' },
  { name: 'staff_number', type: 'number', label: 'Number', visibility: 'claims', editable: 'operator' },
];
/** Depend on the moment of the sign-in. */
const ofSignIn = ['acr', 'amr', 'at_hash', 'auth_time', 'exp', 'iat', 'nonce', 'sid'];
const without = (claims: Claims, names: readonly string[]): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)));

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'profile.properties': properties } });
  ada = await latchkey.user({
    name: 'Ada Byron',
    preferred_username: 'ada',
    email_verified: true,
  });
  await latchkey.app.database.sql(
    `update users set properties = '{"department":"Engines","staff_number":7}' where email = $1`,
    [ada.email],
  );
  await latchkey.run('roles.create', { name: 'BILLING', permissions: ['users.read'] });
  await latchkey.run('roles.create', { name: 'CHIEF', permissions: ['clients.manage'], inherits: ['BILLING'] });
  await latchkey.run('assignments.create', { user_id: ada.id, role: 'CHIEF' });
  bare = await latchkey.user();
});
afterAll(() => latchkey.close());

const clientWith = (metadata: object): Promise<TestClient> => latchkey.client({ first_party: true, ...metadata });

async function told(client: TestClient, user: TestUser, scope: string, organization?: string): Promise<Told> {
  const tokens = await tokensFor(latchkey.base, client, user, { scope, organization });
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers });
  const text = await answer.text();
  const userinfo = text.startsWith('{') ? (JSON.parse(text) as Claims) : decodeJwt(text);
  return { idToken: decodeJwt(tokens.id_token), userinfo };
}
const preview = (
  { client_id }: Pick<TestClient, 'client_id'>,
  user: string,
  scope?: string,
  organization_id?: string,
): Promise<Preview> => latchkey.run<Preview>('clients.preview_claims', { client_id, user, scope, organization_id });

const mapped_claims = {
  groups: { source: 'roles' },
  rights: { source: 'permissions', in: ['userinfo'] },
  dept: { source: 'property', name: 'department' },
  number: { source: 'property', name: 'staff_number', scope: 'phone' },
  gone: { source: 'property', name: 'no_such_property' },
  username: { source: 'claim', name: 'preferred_username', in: ['id_token'] },
  upn: { source: 'claim', name: 'email' },
  'https://example.com/tenant': { source: 'constant', value: 'acme' },
  plan: { source: 'constant', value: ['gold', 'eu'], in: ['userinfo'] },
  granted: { source: 'scopes', in: ['id_token'] },
};

describe('mapped_claims', () => {
  const always = { 'https://example.com/tenant': 'acme' };
  const permissions = expect.arrayContaining(['users.read', 'clients.manage']) as unknown;

  test.each<[string, Claims, Claims]>([
    ['openid', { granted: ['openid'] }, { plan: ['gold', 'eu'] }],
    ['openid email', { granted: ['openid', 'email'], upn: 'EMAIL' }, { plan: ['gold', 'eu'], upn: 'EMAIL' }],
    [
      'openid profile',
      { granted: ['openid', 'profile'], groups: ['BILLING', 'CHIEF'], dept: 'Engines', username: 'ada' },
      { plan: ['gold', 'eu'], groups: ['BILLING', 'CHIEF'], dept: 'Engines', rights: permissions },
    ],
    ['openid phone', { granted: ['openid', 'phone'], number: 7 }, { plan: ['gold', 'eu'], number: 7 }],
  ])('%s: personal data follow the granted scopes, in the places that are named', async (scope, inToken, inInfo) => {
    const said = await told(await clientWith({ mapped_claims }), ada, scope);
    const names = Object.keys(mapped_claims);
    const only = (claims: Claims) =>
      Object.fromEntries(Object.entries(claims).filter(([name]) => names.includes(name)));
    const filled = (claims: Claims) =>
      Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, value === 'EMAIL' ? ada.email : value]));
    expect(only(said.idToken)).toEqual({ ...always, ...filled(inToken) });
    expect(only(said.userinfo)).toEqual({ ...always, ...filled(inInfo) });
  });

  test('a user without values has none of them, and no roles is an empty list', async () => {
    const { userinfo } = await told(await clientWith({ mapped_claims }), bare, 'openid profile phone');
    expect(userinfo).toMatchObject({ groups: [], rights: [], plan: ['gold', 'eu'] });
    for (const name of ['dept', 'number', 'gone', 'upn']) expect(userinfo).not.toHaveProperty(name);
  });

  test('roles and permissions are those in the organization of the token, where it is for one', async () => {
    const client = await clientWith({ mapped_claims, organization_usage: 'allow' });
    const owned = { name: 'Engines', owner: ada.id };
    const { id } = await latchkey.run<{ id: string }>('organizations.create', owned);
    for (const [organization, groups, held, missing] of [
      [
        id,
        ['TENANT_ADMIN', 'TENANT_MANAGER', 'TENANT_OWNER', 'TENANT_USER'],
        'organization.members.manage',
        'users.read',
      ],
      [undefined, ['BILLING', 'CHIEF'], 'users.read', 'organization.members.manage'],
    ] as const) {
      const said = await told(client, ada, 'openid profile', organization);
      expect(said.idToken).toMatchObject({ groups });
      expect(said.userinfo).toMatchObject({ groups });
      expect(said.userinfo['rights']).toContain(held);
      expect(said.userinfo['rights']).not.toContain(missing);
    }
  });

  test('consent decides: a scope that a third-party client may not have releases nothing', async () => {
    const client = await latchkey.client({ scope: 'openid email', mapped_claims });
    const { userinfo } = await told(client, ada, 'openid email');
    expect(userinfo).toMatchObject({ upn: ada.email });
    for (const name of ['groups', 'rights', 'dept', 'number']) expect(userinfo).not.toHaveProperty(name);
  });

  test('holds in signed userinfo and for pairwise subjects', async () => {
    const client = await clientWith({ mapped_claims, userinfo_signed_response_alg: 'ES256', subject_type: 'pairwise' });
    const { userinfo, idToken } = await told(client, ada, 'openid profile');
    expect(userinfo).toMatchObject({ groups: ['BILLING', 'CHIEF'], sub: idToken['sub'], iss: latchkey.base });
    expect(userinfo['sub']).not.toBe(ada.id);
  });

  test('a change of the member, of the user and of the schema counts at the next use', async () => {
    const client = await clientWith({ mapped_claims: { dept: { source: 'property', name: 'department' } } });
    const tokens = await tokensFor(latchkey.base, client, ada, { scope: 'openid profile' });
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const userinfo = async () => (await (await fetch(`${latchkey.base}/oidc/userinfo`, { headers })).json()) as Claims;
    expect((await userinfo())['dept']).toBe('Engines');
    const change = (claims: object | null) =>
      latchkey.run('clients.update', { client_id: client.client_id, mapped_claims: claims });
    await change({ team: { source: 'property', name: 'department' } });
    expect(await userinfo()).toMatchObject({ team: 'Engines' });
    await latchkey.run('settings.update', { name: 'profile.properties', value: JSON.stringify(properties.slice(1)) });
    expect(await userinfo()).not.toHaveProperty('team');
    await latchkey.run('settings.update', { name: 'profile.properties', value: JSON.stringify(properties) });
    await change(null);
    expect(await userinfo()).not.toHaveProperty('team');
  });

  const protocol = `iss sub aud exp nbf iat jti azp nonce auth_time at_hash c_hash s_hash acr amr sid cnf act may_act events scope
    client_id active token_type email email_verified phone_number phone_number_verified address updated_at verified_claims sub_id
    _claim_names _claim_sources __proto__ constructor prototype SUB Iss Email Email_Verified NONCE`;
  test.each(protocol.split(/\s+/))('%s cannot be mapped', async (name) => {
    const claims = JSON.parse(`{"${name}":{"source":"constant","value":"x"}}`) as object;
    if (name === '__proto__') {
      // The parser of the input passes over the name.
      const client = await clientWith({ mapped_claims: claims });
      expect(Object.keys((await preview(client, ada.email)).userinfo!)).not.toContain(name);
    } else await expect(clientWith({ mapped_claims: claims })).rejects.toThrow('mapped_claims');
  });

  test.each<[string, unknown]>([
    ['no object', []],
    ['a source that does not exist', { a: { source: 'groups' } }],
    ['no source', { a: { name: 'department' } }],
    ['a claim that is no standard claim', { a: { source: 'claim', name: 'password' } }],
    ['the word of a provider as a source', { a: { source: 'claim', name: 'email_verified' } }],
    ['an odd name', { 'a b': { source: 'roles' } }],
    ['personal data by the scope openid', { a: { source: 'roles', scope: 'openid' } }],
    ['a place that does not exist', { a: { source: 'roles', in: ['access_token'] } }],
    ['no place', { a: { source: 'roles', in: [] } }],
    ['an object as a constant', { a: { source: 'constant', value: { b: 1 } } }],
    ['an endless constant', { a: { source: 'constant', value: 'x'.repeat(513) } }],
    ['too many', Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`c${n}`, { source: 'roles' }]))],
  ])('%s is refused', async (_what, claims) => {
    await expect(clientWith({ mapped_claims: claims })).rejects.toThrow('mapped_claims');
  });
});

describe('clients.preview_claims', () => {
  test.each<[string, object]>([
    ['openid', {}],
    ['openid profile email', { mapped_claims, id_token_claims: ['*'] }],
    ['openid profile phone', { mapped_claims, id_token_claims: ['name', 'phone_number'], subject_type: 'pairwise' }],
    ['openid email address', { scope: 'openid email', userinfo_signed_response_alg: 'PS256' }],
  ])('%s: shows what a sign-in then tells, by id and by email address', async (scope, metadata) => {
    const client = await clientWith(metadata);
    const shown = await preview(client, ada.id, scope);
    expect(await preview(client, ada.email.toUpperCase(), scope)).toEqual(shown);
    const { idToken, userinfo } = await told(client, ada, shown.scope);
    expect(shown.id_token).toEqual(without(idToken, ofSignIn));
    expect(shown.userinfo).toEqual(
      shown.userinfo && without(userinfo, 'iss' in userinfo ? ['iss', 'aud', 'exp', 'iat'] : []),
    );
  });

  test('for an organization: shows the claims of tokens for it', async () => {
    const client = await clientWith({ mapped_claims, id_token_claims: ['*'], organization_usage: 'allow' });
    const { id } = await latchkey.run<{ id: string }>('organizations.create', {
      name: 'Analytical',
      owner: ada.id,
      public_metadata: { plan: 'gold' },
    });
    const shown = await preview(client, ada.id, 'openid profile', id);
    const { idToken, userinfo } = await told(client, ada, 'openid profile', id);
    expect(shown.id_token).toEqual(without(idToken, ofSignIn));
    expect(shown.userinfo).toEqual(userinfo);
    expect(shown.userinfo).toMatchObject({ org_id: id, org_metadata: { plan: 'gold' } });
    expect((await preview(client, ada.id, 'openid profile')).userinfo).not.toHaveProperty('org_id');
  });

  test('for an organization that gives no tokens: there is none', async () => {
    const { id } = await latchkey.run<{ id: string }>('organizations.create', { name: 'Closed', owner: ada.id });
    const client = await clientWith({ organization_usage: 'allow' });
    for (const [of, person, organization] of [
      [client, bare.id, id],
      [client, ada.id, 'org_01h455vb4pex5vsknk084sn02q'],
      [client, ada.id, 'closed'],
      [await clientWith({}), ada.id, id],
    ] as const)
      await expect(preview(of, person, 'openid', organization)).rejects.toThrow('organizations.not_found');
  });

  test('without openid there is nothing to tell', async () => {
    expect(await preview(await clientWith({}), ada.id, 'profile')).toMatchObject({ id_token: null, userinfo: null });
  });

  test('a client or a user that does not exist, or is disabled, has none', async () => {
    const client = await clientWith({});
    await expect(preview({ client_id: 'nobody' }, ada.id)).rejects.toThrow('clients.not_found');
    await expect(preview(client, 'nobody@example.com')).rejects.toThrow('users.not_found');
    await expect(preview(client, 'usr_01h455vb4pex5vsknk084sn02q')).rejects.toThrow('users.not_found');
    const left = await latchkey.user();
    await latchkey.run('users.disable', { user_id: left.id });
    await expect(preview(client, left.email)).rejects.toThrow('users.not_found');
    await latchkey.run('clients.disable', { client_id: client.client_id });
    await expect(preview(client, ada.id)).rejects.toThrow('clients.not_found');
  });
});

describe('a user without name and preferred_username (setting profile.nameFallback)', () => {
  const names = ['name', 'preferred_username'];
  const fall = (value: string | null) =>
    latchkey.run('settings.update', { name: 'profile.nameFallback', value: JSON.stringify(value) });
  const local = () => bare.email.split('@')[0];

  test.each<[string | null, string, () => unknown[]]>([
    [null, 'openid profile email', () => [local(), local()]],
    [null, 'openid profile', () => [undefined, undefined]],
    [null, 'openid email', () => [undefined, undefined]],
    ['id', 'openid profile', () => [bare.id, bare.id]],
    ['none', 'openid profile email', () => [undefined, undefined]],
  ])('%j with %s', async (value, scope, expected) => {
    await fall(value);
    const { userinfo, idToken } = await told(await clientWith({ id_token_claims: names }), bare, scope);
    await fall(null);
    expect(names.map((name) => userinfo[name])).toEqual(expected());
    expect(names.map((name) => idToken[name])).toEqual(expected());
  });

  test('id is the subject that a client with pairwise subjects sees', async () => {
    await fall('id');
    const { userinfo } = await told(await clientWith({ subject_type: 'pairwise' }), bare, 'openid profile');
    await fall(null);
    expect([userinfo['name'], userinfo['preferred_username']]).toEqual([userinfo['sub'], userinfo['sub']]);
    expect(userinfo['sub']).not.toBe(bare.id);
  });

  test.each<[Claims, string[]]>([
    [{ given_name: 'Grace', family_name: 'Hopper' }, ['Grace Hopper', 'LOCAL']],
    [{ preferred_username: 'grace' }, ['grace', 'grace']],
    [{ name: 'Grace H.' }, ['Grace H.', 'LOCAL']],
  ])('%j is said before the email address is', async (profile, expected) => {
    const grace = await latchkey.user(profile);
    const { userinfo } = await told(await clientWith({}), grace, 'openid profile email');
    const said = expected.map((word) => (word === 'LOCAL' ? grace.email.split('@')[0] : word));
    expect(names.map((name) => userinfo[name])).toEqual(said);
  });
});
