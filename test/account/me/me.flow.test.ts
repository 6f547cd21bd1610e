/** Users through their own access tokens: /api/v1/me. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operations } from '../../../src/app/operations.ts';
import { API, callApi, clientTokens, machineWith, refusalOf, userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { joinWith, newOrganization } from '../../support/roles.ts';
import { keepPasskey, keepRecoveryCodes, keepTotp } from '../../support/user-parts.ts';
import { Visitor } from '../../support/visitor.ts';

const own = operations.filter(({ name }) => name.startsWith('me.'));
const everyScope = `openid ${[...new Set(own.map(({ permission }) => permission))].join(' ')}`;
const properties = [
  { name: 'team', label: 'Team', type: 'text', visibility: 'user', editable: 'user' },
  { name: 'size', label: 'Size', type: 'number', visibility: 'user', editable: 'user', required: true },
  { name: 'plan', label: 'Plan', type: 'text', visibility: 'user', editable: 'operator' },
  { name: 'note', label: 'Note', type: 'text', visibility: 'operator', editable: 'operator' },
];

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: mails.env,
    settings: { 'users.username': 'optional', 'profile.properties': properties, 'limits.apiCallsPerMinute': 10_000 },
  });
  client = await latchkey.client({ first_party: true, apis: { [API]: ['*'] }, organization_usage: 'allow' });
});
afterAll(async () => {
  await latchkey?.close();
  mails?.close();
});

type Person = { user: TestUser; token: string };
/** With the property that every user must have. */
async function newUser(given: Record<string, unknown> = {}): Promise<TestUser> {
  const user = await latchkey.user(given);
  await latchkey.run('users.properties.update', { user_id: user.id, set: { size: 41 } });
  return user;
}
async function signedIn(given: Record<string, unknown> = {}, scope = everyScope): Promise<Person> {
  const user = await newUser(given);
  const { access_token: token } = await userTokens(latchkey, client, user, scope);
  return { user, token };
}
const call = ({ token }: Pick<Person, 'token'>, path: string, method = 'GET', json?: object) =>
  callApi(latchkey, `/v1/me${path}`, { method, token, ...(json === undefined ? {} : { json }) });
const eventsOf = ({ user }: Person, type: string) =>
  latchkey.app.database.sql(
    'select actor_id, client_id, session_id from audit_record where type = $1 and subject_id = $2',
    [type, user.id],
  );

describe('the profile', () => {
  test('is shown without what operators alone see', async () => {
    const person = await signedIn({ given_name: 'Ada', phone_number: '+12025550123' });
    const set = { team: 'Blue', note: 'pays late' };
    await latchkey.run('users.properties.update', { user_id: person.user.id, set });
    const { status, body } = await call(person, '');
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: person.user.id, email: person.user.email, given_name: 'Ada', theme: null });
    expect(body['properties']).toEqual({ team: 'Blue', size: 41 });
    expect(Object.keys(body)).not.toContain('administrator');
  });

  test('changes member by member; null removes one', async () => {
    const person = await signedIn({ given_name: 'Ada', family_name: 'King' });
    const change = { given_name: 'Augusta', family_name: null, theme: 'dark', locale: 'de-CH', username: 'augusta' };
    const changed = await call(person, '', 'PATCH', { ...change, properties: { team: 'Blue', size: 42 } });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({ given_name: 'Augusta', theme: 'dark', locale: 'de-CH', username: 'augusta' });
    expect(changed.body).not.toHaveProperty('family_name');
    expect(changed.body['properties']).toEqual({ team: 'Blue', size: 42 });
    const next = await call(person, '', 'PATCH', { theme: null, properties: { team: null } });
    expect([next.body['theme'], next.body['given_name'], next.body['properties']]).toEqual([
      null,
      'Augusta',
      { size: 42 },
    ]);
    expect(await eventsOf(person, 'user.profile_changed')).toHaveLength(2);
  });

  test('is written only where something is different', async () => {
    const person = await signedIn({ given_name: 'Ada' });
    expect((await call(person, '', 'PATCH', { given_name: 'Ada', theme: null, family_name: null })).status).toBe(200);
    expect(await eventsOf(person, 'user.profile_changed')).toEqual([]);
  });

  test.each<[string, object, number, string]>([
    ['a member that is the server’s', { email: 'other@example.com' }, 422, 'input.invalid'],
    ['a claim of operators', { picture: 'https://example.com/ada.png' }, 422, 'input.invalid'],
    ['a wrong value', { website: 'ftp://example.com' }, 422, 'input.invalid'],
    ['a property that is none', { properties: { none: 1 } }, 422, 'users.properties_invalid'],
    ['a property of operators', { properties: { plan: 'pro' } }, 422, 'users.properties_invalid'],
    ['a property that only operators see', { properties: { note: 'pays' } }, 422, 'users.properties_invalid'],
    ['a property of another type', { properties: { size: 'large' } }, 422, 'users.properties_invalid'],
    ['the end of a required property', { properties: { size: null } }, 422, 'users.properties_invalid'],
    ['a username that is too short', { username: 'a' }, 422, 'users.username_invalid'],
  ])('refuses %s, and changes nothing', async (_what, change, status, code) => {
    const person = await signedIn();
    const before = (await call(person, '')).body;
    const answer = await call(person, '', 'PATCH', { nickname: 'Al', ...change });
    expect(refusalOf(answer)).toEqual([status, code]);
    expect((await call(person, '')).body).toEqual(before);
  });

  test('refuses the username of another user, and the end of a required claim', async () => {
    await latchkey.user({ username: 'taken' });
    const person = await signedIn({ given_name: 'Ada' });
    const answer = await call(person, '', 'PATCH', { username: 'taken' });
    expect(refusalOf(answer)).toEqual([409, 'users.username_taken']);
    await latchkey.run('settings.update', { name: 'profile.required', value: '["given_name"]' });
    for (const given_name of [null, '\u200B'])
      expect(refusalOf(await call(person, '', 'PATCH', { given_name }))).toEqual([422, 'users.profile_invalid']);
    await latchkey.run('settings.update', { name: 'profile.required', value: '[]' });
  });

  test('refuses a username where there are none, and keeps one that is required', async () => {
    const person = await signedIn();
    await latchkey.run('settings.update', { name: 'users.username', value: 'required' });
    await call(person, '', 'PATCH', { username: 'needed' });
    expect(refusalOf(await call(person, '', 'PATCH', { username: null }))).toEqual([422, 'users.username_missing']);
    await latchkey.run('settings.update', { name: 'users.username', value: 'off' });
    expect(refusalOf(await call(person, '', 'PATCH', { username: 'other' }))).toEqual([409, 'users.usernames_off']);
    await latchkey.run('settings.update', { name: 'users.username', value: 'optional' });
  });

  test('keeps the username of a user without an email address', async () => {
    const username = 'nomail';
    const { id } = await latchkey.run<{ id: string }>('users.create', {
      username,
      password: 'correct horse battery staple 9',
    });
    await latchkey.run('users.properties.update', { user_id: id, set: { size: 41 } });
    const user = { id, email: username, password: 'correct horse battery staple 9' };
    const { access_token: token } = await userTokens(latchkey, client, user, everyScope);
    expect(refusalOf(await call({ token }, '', 'PATCH', { username: null }))).toEqual([409, 'users.username_needed']);
  });
});

describe('organizations', () => {
  test('are listed in pages, with the roles and the permissions there', async () => {
    const person = await signedIn();
    const [acme, beta] = [await newOrganization(latchkey, 'acme'), await newOrganization(latchkey, 'Beta')];
    await joinWith(latchkey, acme, person.user, 'TENANT_MANAGER');
    await joinWith(latchkey, beta, person.user);
    const first = await call(person, '/organizations?limit=1&include_total=true');
    expect(first.body).toMatchObject({ total: 2, organizations: [{ id: acme, name: 'acme', status: 'active' }] });
    const [manager] = first.body['organizations'] as { roles: string[]; permissions: string[] }[];
    expect(manager?.roles).toContain('TENANT_MANAGER');
    expect(manager?.permissions).toContain('organization.members.manage');
    expect(manager?.permissions).not.toContain('organization.close');
    const next = await call(person, `/organizations?limit=1&cursor=${String(first.body['next_cursor'])}`);
    expect(next.body).toMatchObject({ organizations: [{ id: beta, roles: [], permissions: [] }], next_cursor: null });
  });
});

describe('sessions', () => {
  test('are listed, with the one of the token, and ended', async () => {
    const person = await signedIn();
    const { access_token: token } = await userTokens(latchkey, client, person.user, everyScope);
    const listed = (await call(person, '/sessions')).body['sessions'] as { id: string; current: boolean }[];
    expect(listed.filter(({ current }) => current)).toHaveLength(1);
    expect(listed).toHaveLength(2);
    const other = listed.find(({ current }) => !current)!.id;
    expect((await call(person, `/sessions/${other}`)).body).toMatchObject({ id: other, current: false });
    const ended = await call(person, `/sessions/${other}`, 'DELETE');
    expect([ended.status, ended.body]).toEqual([200, { id: other, ended: true }]);
    expect((await call({ token }, '')).status).toBe(401);
    expect((await call(person, '')).status).toBe(200);
    for (const method of ['GET', 'DELETE'])
      expect(refusalOf(await call(person, `/sessions/${other}`, method))).toEqual([404, 'sessions.not_found']);
  });

  test('of another user are not found, and go on', async () => {
    const [person, other] = [await signedIn(), await signedIn()];
    const [session] = (await call(other, '/sessions')).body['sessions'] as { id: string }[];
    for (const method of ['GET', 'DELETE'])
      expect(refusalOf(await call(person, `/sessions/${session!.id}`, method))).toEqual([404, 'sessions.not_found']);
    expect((await call(other, '')).status).toBe(200);
  });
});

describe('factors', () => {
  test('are listed without anything secret', async () => {
    const person = await signedIn();
    const passkey = await keepPasskey(latchkey, person.user);
    await keepTotp(latchkey, person.user);
    await keepRecoveryCodes(latchkey, person.user);
    const factors = (await call(person, '/factors')).body['factors'] as {
      method: string;
      id?: string;
      left?: number;
    }[];
    expect(factors.map(({ method }) => method)).toEqual(['passkey', 'password', 'recovery-code', 'totp']);
    expect([factors[0]?.id, factors[2]?.left]).toEqual([passkey, 10]);
    expect(JSON.stringify(factors)).not.toMatch(/JBSWY3DP|hash|secret/i);
  });
});

describe('the export', () => {
  test('gives the document of the account page after a recent sign-in, and tells the user', async () => {
    const person = await signedIn({ given_name: 'Ada' });
    const answer = await call(person, '/export', 'POST');
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id: person.user.id, profile: { given_name: 'Ada' } });
    expect(Object.keys(answer.body)).toEqual(expect.arrayContaining(['emails', 'sessions', 'activity', 'sign_in']));
    await mails.next(person.user.email, /download/i);
    const [session] = (await call(person, '/sessions')).body['sessions'] as { id: string }[];
    expect(await eventsOf(person, 'user.data_downloaded')).toEqual([
      { actor_id: person.user.id, client_id: client.client_id, session_id: session?.id },
    ]);
  });

  test.each<[string, (person: Person) => Promise<unknown>]>([
    [
      'the user signed in more than five minutes ago',
      ({ user }) =>
        latchkey.app.database.sql(
          `update oidc_artifact set payload = jsonb_set(payload, '{loginTs}', to_jsonb(extract(epoch from now())::int - 310))
           where kind = 'Session' and account_id = $1`,
          [user.id],
        ),
    ],
    ['the user has a second factor that was not used', ({ user }) => keepTotp(latchkey, user)],
  ])('is refused where %s', async (_what, happen) => {
    const person = await signedIn();
    await happen(person);
    const answer = await call(person, '/export', 'POST');
    expect(refusalOf(answer)).toEqual([403, 'sessions.reauth_required']);
    expect(answer.body['max_age']).toBe(300);
    expect(await eventsOf(person, 'user.data_downloaded')).toEqual([]);
  });

  test('is refused to a token that outlived its session', async () => {
    const user = await newUser();
    const extra = { prompt: 'consent' };
    const tokens = await userTokens(latchkey, client, user, `${everyScope} offline_access`, extra, new Visitor());
    const { sessions } = await latchkey.run<{ sessions: { id: string }[] }>('users.sessions.list', {
      user_id: user.id,
    });
    for (const { id } of sessions) await latchkey.run('users.sessions.delete', { user_id: user.id, session_id: id });
    const answer = await call({ token: tokens.access_token }, '/export', 'POST');
    expect(refusalOf(answer)).toEqual([403, 'sessions.reauth_required']);
  });
});

describe('a caller', () => {
  const reading = own.filter(({ params, event }) => event === null && Object.keys(params.shape).length === 0);

  test.each(own.map(({ name, permission }) => [name, permission]))(
    'of %s needs the scope %s',
    async (name, permission) => {
      const { access_token: token } = await userTokens(
        latchkey,
        client,
        await newUser(),
        everyScope.replace(` ${permission}`, ''),
      );
      const path = { 'me.read': '', 'me.update': '', 'me.export': '/export' }[name] ?? `/${name.split('.')[1]}`;
      if (name === 'me.identities.fetch_token' || (name.startsWith('me.sessions.') && name !== 'me.sessions.list'))
        return;
      const method = { 'me.update': 'PATCH', 'me.export': 'POST' }[name] ?? 'GET';
      const answer = await call({ token }, path, method);
      expect(refusalOf(answer)).toEqual([403, 'api.insufficient_scope']);
      expect(answer.body['scope']).toBe(permission);
    },
  );

  test('that is a client for itself has no data', async () => {
    const robot = await machineWith(latchkey, '*');
    const { access_token: token } = await clientTokens(latchkey, robot, { scope: 'own_profile.read' });
    expect(refusalOf(await call({ token }, ''))).toEqual([403, 'api.insufficient_scope']);
  });

  test('whose token is for an organization sees nothing of the account', async () => {
    const user = await newUser();
    const organization = await newOrganization(latchkey, 'Bound');
    await joinWith(latchkey, organization, user, 'TENANT_OWNER');
    const { access_token: token } = await userTokens(latchkey, client, user, everyScope, { organization });
    for (const path of ['', '/organizations', '/sessions', '/factors'])
      expect(refusalOf(await call({ token }, path)), path).toEqual([403, 'api.insufficient_scope']);
  });

  test.each(reading.map(({ name }) => name))('on the command line is no user: %s', async (name) => {
    await expect(latchkey.run(name)).rejects.toThrow('account.no_user');
  });
});
