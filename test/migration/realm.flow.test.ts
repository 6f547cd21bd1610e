/** A realm of Keycloak as a whole: roles, groups, clients, and users with their roles. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importRealmFiles, type RealmOptions } from '#migration/command-line.ts';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { keycloakRealm, theirPassword } from '../support/other-products.ts';
import { authorizeUrl, pkce, Visitor } from '../support/visitor.ts';

type Told = { kind?: string; name?: string; outcome: string; reason?: string; warnings?: string[] };

let latchkey: TestApp;
let folder: string;
let client: TestClient;
let files = 0;
beforeAll(async () => {
  latchkey = await startTestApp({ safeHashes: true });
  client = await latchkey.client();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-realm-'));
});
afterAll(async () => {
  await latchkey.close();
  await rm(folder, { recursive: true });
});

async function bring(documents: readonly object[], options: RealmOptions = {}) {
  const paths = documents.map(() => join(folder, `${(files += 1)}.json`));
  for (const [at, path] of paths.entries()) await writeFile(path, JSON.stringify(documents[at]));
  const report = join(folder, 'report.jsonl');
  const summary = await importRealmFiles(latchkey.app.run, paths, { ...options, report });
  const text = (await readFile(report, 'utf8')).trim();
  const told = text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Told);
  return { summary, told };
}

const outcomesOf = (told: readonly Told[], kind: string) =>
  Object.fromEntries(told.filter((each) => each.kind === kind).map(({ name, outcome }) => [name, outcome]));
const count = async (table: string): Promise<number> =>
  Number((await latchkey.app.database.sql<{ n: number }>(`select count(*)::int as n from ${table}`))[0]?.n);
const tables = ['role', 'user_group', 'role_assignment', 'user_group_member', 'client', 'users', 'audit_record'];
const counts = async () =>
  Object.fromEntries(await Promise.all(tables.map(async (table) => [table, await count(table)])));
const rolesOf = async (email: string) =>
  latchkey.app.database.sql<{ name: string }>(
    `select r.name from role_assignment a join role r on r.id = a.role_id join users u on u.id = a.user_id where u.email = $1 order by 1`,
    [email],
  );

describe('a realm', () => {
  test('is looked through in a dry run, which writes nothing', async () => {
    const before = await counts();
    const { summary } = await bring([keycloakRealm], { dryRun: true });
    expect(summary).toMatchObject({
      realm: 'shop',
      dry_run: true,
      roles: { created: 5, exists: 0 },
      groups: { created: 2 },
      clients: { created: 4, skipped: 3 },
      users: { lines: 3, created: 2, skipped: 1, refused: 0 },
    });
    expect(await counts()).toEqual(before);
  });

  test('is imported with its roles, groups, clients and users', async () => {
    const { summary, told } = await bring([keycloakRealm]);
    expect(outcomesOf(told, 'role')).toEqual({
      customer: 'created',
      'shop-web:manager': 'created',
      billing: 'created',
      'SUPER_ADMIN-2': 'created',
      'Leitung-Sud': 'created',
    });
    expect(outcomesOf(told, 'group')).toEqual({ staff: 'created', 'staff/london': 'created' });
    expect(outcomesOf(told, 'client')).toEqual({
      'shop-web': 'created',
      'shop-spa': 'created',
      'shop-worker': 'created',
      'shop-old': 'created',
      'shop-saml': 'skipped',
      'shop-api': 'skipped',
      'shop-any': 'skipped',
    });
    expect(outcomesOf(told, 'assignment')).toEqual({
      'billing to staff': 'created',
      'shop-web:manager to staff/london': 'created',
      'billing to shop-worker': 'created',
    });
    expect(summary).toMatchObject({ users: { created: 2, skipped: 1 }, refusals: [] });
    expect(await latchkey.run('roles.read', { role_id: 'billing' })).toMatchObject({
      description: 'Sees invoices',
      inherits: ['customer', 'shop-web:manager'],
      permissions: [],
    });
    expect(await rolesOf('ada@shop.example')).toEqual([{ name: 'Leitung-Sud' }, { name: 'SUPER_ADMIN-2' }]);
    expect(await rolesOf('grace@shop.example')).toEqual([{ name: 'shop-web:manager' }]);
    expect(
      await latchkey.app.database.sql(
        'select g.name from user_group_member m join user_group g on g.id = m.group_id join users u on u.id = m.user_id where u.email = $1',
        ['ada@shop.example'],
      ),
    ).toEqual([{ name: 'staff/london' }]);
    expect(await latchkey.app.database.sql('select email from users where is_administrator')).toEqual([]);
  });

  test('has the applications as they were, and says what they lose', async () => {
    expect(await latchkey.run('clients.read', { client_id: 'shop-web' })).toMatchObject({
      client_name: 'Shop',
      redirect_uris: ['https://shop.example.com/signed-in', 'https://beta.shop.example.com/cb'],
      post_logout_redirect_uris: [
        'https://shop.example.com/bye',
        'https://shop.example.com/signed-in',
        'https://beta.shop.example.com/cb',
      ],
      backchannel_logout_uri: 'https://shop.example.com/backchannel',
      backchannel_logout_session_required: true,
      require_pkce: true,
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      disabled: false,
    });
    expect(await latchkey.run('clients.read', { client_id: 'shop-spa' })).toMatchObject({
      type: 'spa',
      redirect_uris: ['https://spa.shop.example.com/'],
      token_endpoint_auth_method: 'none',
    });
    expect(await latchkey.run('clients.read', { client_id: 'shop-worker' })).toMatchObject({ type: 'machine' });
    expect(await latchkey.run('clients.read', { client_id: 'shop-old' })).toMatchObject({
      disabled: true,
      redirect_uris: ['https://old.shop.example.com/cb'],
    });
    const answer = await fetch(`${latchkey.base}/oidc/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('shop-web:Kc7Qm2Wx9Tz4Rb8Ny6Ld3Vh5Jp1Gs0Fa')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    expect(await answer.json()).not.toMatchObject({ error: 'invalid_client' });
  });

  test('lets users in by their passwords, and asks for a new one where Keycloak did', async () => {
    const { told } = await bring([keycloakRealm], { dryRun: true });
    expect(told.at(-3)).toMatchObject({ outcome: 'unchanged', email: 'ada@shop.example' });
    const signIn = (email: string) =>
      new Visitor().signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), {
        email,
        password: theirPassword,
      });
    await expect(signIn('ada@shop.example')).rejects.toThrow('/new-password');
    await expect(signIn('grace@shop.example')).rejects.toThrow('/verify');
  });

  test('changes nothing in a second run', async () => {
    const before = await counts();
    const { summary } = await bring([keycloakRealm]);
    expect(summary).toMatchObject({
      roles: { created: 0, exists: 5 },
      groups: { created: 0, exists: 2 },
      clients: { created: 0, exists: 4 },
      assignments: { created: 0 },
      users: { created: 0, skipped: 1, refused: 0 },
    });
    expect(await counts()).toEqual(before);
    const again = await bring([keycloakRealm], { update: true });
    expect(again.told.filter(({ outcome }) => outcome === 'updated')).toEqual([]);
    expect(again.summary).toMatchObject({ assignments: { created: 0, exists: 3 }, users: { updated: 0 } });
    expect(await counts()).toEqual(before);
  });

  test('may stand in several files, one of them for its users', async () => {
    const { users, ...realm } = keycloakRealm;
    const later = users.map((user, at) => ({ ...user, id: `later-${at}`, email: user.email && `later.${user.email}` }));
    const { summary } = await bring([realm, { realm: 'shop', users: later }]);
    expect(summary).toMatchObject({ users: { created: 2, skipped: 1 } });
    expect(await rolesOf('later.grace@shop.example')).toEqual([{ name: 'shop-web:manager' }]);
  });

  test('without users is imported with a warning', async () => {
    const { users: _users, ...realm } = keycloakRealm;
    const { summary } = await bring([realm]);
    expect(summary.warnings).toContainEqual({ warning: expect.stringContaining('kc.sh export') as unknown });
  });

  test.each([
    [
      'several realms',
      [[keycloakRealm, { realm: 'other', users: [] }]],
      /these are the realms shop, other: import them/,
    ],
    ['no realm', [{ users: [] }], /this is no realm/],
  ])('%s are refused', async (_what, documents, why) => {
    await expect(bring(documents)).rejects.toThrow(why);
  });
});

test('a list of realms has the users of all of them', async () => {
  const { importPeople } = await import('#migration/command-line.ts');
  const path = join(folder, 'realms.json');
  const realms = ['one', 'two'].map((realm) => ({
    realm,
    users: [{ username: realm, email: `${realm}@realms.example` }],
  }));
  await writeFile(path, JSON.stringify(realms));
  expect(await importPeople(latchkey.app.run, path, { format: 'keycloak' })).toMatchObject({ lines: 2, created: 2 });
});
