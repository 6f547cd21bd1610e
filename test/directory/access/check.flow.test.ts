/** Questions of services: what the subject of an access token may do now, and many questions in one call. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { travel } from '../../support/account.ts';
import { callApi, clientTokens, machineWith, refusalOf, userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { joinWith, newOrganization } from '../../support/roles.ts';
import { post } from '../../support/visitor.ts';

const REPORTS = { jwt: 'https://reports.example', opaque: 'https://ledger.example' } as const;
const formats = ['jwt', 'opaque'] as const;
type Format = (typeof formats)[number];

let latchkey: TestApp;
let asking: TestClient;
let web: TestClient;
let machine: TestClient;
let acme: string;
let beta: string;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.apiCallsPerMinute': 10_000 } });
  for (const token_format of formats)
    await latchkey.run('apis.create', {
      identifier: REPORTS[token_format],
      token_format,
      scopes: [{ name: 'read' }, { name: 'write' }],
    });
  const apis = { [REPORTS.jwt]: ['*'], [REPORTS.opaque]: ['*'] };
  asking = await machineWith(latchkey, 'access.check');
  web = await latchkey.client({ first_party: true, organization_usage: 'allow', apis });
  machine = await latchkey.client({ type: 'machine', redirect_uris: undefined, organization_usage: 'allow', apis });
  acme = await newOrganization(latchkey, 'Acme');
  beta = await newOrganization(latchkey, 'Beta');
  const permissions = formats.flatMap((format) => [`${REPORTS[format]} read`, `${REPORTS[format]} write`]);
  await latchkey.run('roles.create', { name: 'reporter', permissions: [...permissions, 'organization.members.read'] });
  await latchkey.run('roles.create', { name: 'reader', permissions: ['users.read'] });
});
afterEach(() => vi.useRealTimers());
afterAll(() => latchkey.close());

async function call(path: string, json: object) {
  const { access_token: token } = await clientTokens(latchkey, asking, { scope: 'access.check' });
  return callApi(latchkey, path, { method: 'POST', token, json });
}
const check = async (json: object): Promise<unknown> => {
  const { status, body } = await call('/v1/access/check', json);
  return status === 200 ? body['allowed'] : body['code'];
};
const tokensOf = (user: TestUser, format: Format, scope = 'read', extra: Record<string, string> = {}) =>
  userTokens(latchkey, web, user, `openid offline_access ${scope}`, {
    resource: REPORTS[format],
    prompt: 'consent',
    ...extra,
  });
/** A user who is a reporter in both organizations. */
async function reporter(): Promise<TestUser> {
  const user = await latchkey.user();
  for (const organization of [acme, beta]) await joinWith(latchkey, organization, user, 'reporter');
  return user;
}

describe.each(formats)('a token of a user in the form %s', (format) => {
  const permission = `${REPORTS[format]} read`;

  test('allows its subject what the role brings, by its scopes', async () => {
    const user = await latchkey.user();
    for (const role of ['reporter', 'reader']) await latchkey.run('assignments.create', { user_id: user.id, role });
    const { access_token: token } = await tokensOf(user, format);
    const other = formats.find((each) => each !== format)!;
    for (const [asked, allowed] of [
      [permission, true],
      [`${REPORTS[format]} write`, false],
      [`${REPORTS[other]} read`, false],
      // No scope stands for a permission of the instance.
      ['users.read', true],
      ['users.manage', false],
      ['no.such.permission', false],
      ['constructor', false],
    ] as const)
      expect([asked, await check({ token, permission: asked })]).toEqual([asked, allowed]);
  });

  test('allows nothing that the user may not do, whatever its scopes', async () => {
    const { access_token: token } = await tokensOf(await latchkey.user(), format);
    expect(await check({ token, permission })).toBe(false);
  });

  test('counts in its organization alone, and without one on the instance alone', async () => {
    const user = await reporter();
    const { access_token: token } = await tokensOf(user, format, 'read', { organization: acme });
    const { access_token: without } = await tokensOf(user, format);
    for (const each of [permission, 'organization.members.read']) {
      expect(await check({ token, permission: each })).toBe(true);
      expect(await check({ token, permission: each, organization_id: acme })).toBe(true);
      expect(await check({ token, permission: each, organization_id: beta })).toBe(false);
      expect(await check({ token: without, permission: each })).toBe(false);
      expect(await check({ token: without, permission: each, organization_id: acme })).toBe(false);
    }
  });

  test('follows a role that is taken', async () => {
    const user = await reporter();
    const { access_token: token } = await tokensOf(user, format, 'read', { organization: acme });
    expect(await check({ token, permission })).toBe(true);
    const there = { organization_id: acme };
    const { assignments } = await latchkey.run<{ assignments: { id: string }[] }>('organizations.assignments.list', {
      ...there,
      user_id: user.id,
    });
    await latchkey.run('organizations.assignments.delete', { ...there, assignment_id: assignments[0]!.id });
    expect(await check({ token, permission })).toBe(false);
  });

  test.each<[string, (user: TestUser, tokens: Awaited<ReturnType<typeof tokensOf>>) => unknown]>([
    ['expired', () => travel(11 * MINUTE)],
    [
      'ended with its refresh token',
      (_user, tokens) => post(`${latchkey.base}/oidc/revoke`, web, { token: tokens.refresh_token }),
    ],
    ['ended with the session', ({ id }) => latchkey.run('users.sessions.end_all', { user_id: id })],
    ['of a disabled user', ({ id }) => latchkey.run('users.disable', { user_id: id })],
    [
      'of a member who was removed',
      ({ id }) => latchkey.run('organizations.members.delete', { organization_id: acme, user_id: id }),
    ],
    ['of an organization that is suspended', () => latchkey.run('organizations.suspend', { organization_id: acme })],
  ])('that is %s allows nothing', async (_title, end) => {
    const user = await reporter();
    const tokens = await tokensOf(user, format, 'read', { organization: acme });
    expect(await check({ token: tokens.access_token, permission })).toBe(true);
    await end(user, tokens);
    expect(await check({ token: tokens.access_token, permission })).toBe(false);
    await latchkey.run('organizations.resume', { organization_id: acme });
  });
});

test('a revoked opaque token allows nothing', async () => {
  const { access_token: token } = await tokensOf(await reporter(), 'opaque', 'read', { organization: acme });
  const asked = { token, permission: `${REPORTS.opaque} read` };
  expect(await check(asked)).toBe(true);
  await post(`${latchkey.base}/oidc/revoke`, web, { token });
  expect(await check(asked)).toBe(false);
});

test('texts that are no access token allow nothing', async () => {
  const user = await reporter();
  const { refresh_token, id_token, access_token } = await tokensOf(user, 'jwt', 'read', { organization: acme });
  const [head, body] = access_token.split('.');
  for (const token of [refresh_token, id_token, `${head!}.${body!}.AAAA`, `${head!}.${body!}.`, 'made-up', '', ' '])
    expect(await check({ token, permission: 'organization.members.read' }), token).toBe(false);
});

test('a machine client allows by its token what it may do where the token counts', async () => {
  const { client_id } = machine;
  await latchkey.run('organizations.clients.allow', { organization_id: acme, client_id });
  await latchkey.run('organizations.assignments.create', { organization_id: acme, client_id, role: 'reporter' });
  const resource = REPORTS.opaque;
  const { access_token: token } = await clientTokens(latchkey, machine, {
    scope: 'read',
    resource,
    organization: acme,
  });
  const { access_token: without } = await clientTokens(latchkey, machine, { scope: 'read', resource });
  const permission = `${resource} read`;
  expect(await check({ token, permission })).toBe(true);
  expect(await check({ token, permission: `${resource} write` })).toBe(false);
  expect(await check({ token, permission, organization_id: beta })).toBe(false);
  expect(await check({ token: without, permission })).toBe(false);
  expect(await check({ client_id, permission, organization_id: acme })).toBe(true);
  await latchkey.run('organizations.clients.delete', { organization_id: acme, client_id });
  expect(await check({ token, permission })).toBe(false);
});

describe('a question', () => {
  test.each([
    [{ permission: 'users.read' }],
    [{ permission: 'users.read', token: 'x', client_id: 'shop' }],
    [{ permission: '', token: 'x' }],
    [{ permission: 'users.read', token: 'x', organization_id: 'acme' }],
    [{ permission: 'users.read', token: 'x'.repeat(8193) }],
  ])('%j is refused', async (asked) => expect(await check(asked)).toBe('input.invalid'));
});

describe('a batch', () => {
  const batch = (checks: readonly object[]) => call('/v1/access/check-batch', { checks });

  test('answers in the order of its questions, which have any subject', async () => {
    const [user, nobody] = [await reporter(), await latchkey.user()];
    const { access_token: token } = await tokensOf(user, 'jwt', 'read', { organization: acme });
    const permission = 'organization.members.read';
    const asked = [
      { user_id: user.id, permission, organization_id: acme },
      { user_id: nobody.id, permission, organization_id: acme },
      { token, permission },
      { token: 'made-up', permission },
      { client_id: 'no-client', permission },
      { token, permission, organization_id: beta },
    ];
    const { status, body } = await batch(asked);
    expect(status).toBe(200);
    expect(body['results']).toEqual([true, false, true, false, false, false].map((allowed) => ({ allowed })));
  });

  test('has up to a hundred questions, and at least one', async () => {
    const { id: user_id } = await latchkey.user();
    const many = (count: number) => Array.from({ length: count }, () => ({ user_id, permission: 'users.read' }));
    for (const count of [1, 2, 100]) expect((await batch(many(count))).body['results']).toHaveLength(count);
    for (const count of [0, 101]) expect(refusalOf(await batch(many(count)))).toEqual([422, 'input.invalid']);
    const wrong = [...many(1), { permission: 'users.read' }];
    expect(refusalOf(await batch(wrong))).toEqual([422, 'input.invalid']);
  });
});
