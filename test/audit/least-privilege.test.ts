/** The roles of docs/operations.md: the whole product runs, and cannot change what it has recorded. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { onServer } from '../support/database.ts';
import { tokensFor } from '../support/visitor.ts';

const root = join(import.meta.dirname, '../..');
const server = process.env['TEST_DATABASE_URL'];
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const [, block = ''] = /## Database roles[\s\S]*?```sql\n([\s\S]*?)```/.exec(page) ?? [];

test('docker-compose.yml creates the roles as the document does', () => {
  const compose = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
  const [, content = ''] = /content: \|\n([\s\S]*?\n)\n/.exec(compose) ?? [];
  const passwords = /'(OWNER_PASSWORD|APP_PASSWORD|\$\{POSTGRES_PASSWORD\})'/g;
  expect(content.replaceAll(/^ {6}/gm, '').replaceAll(passwords, "''")).toBe(block.replaceAll(passwords, "''"));
  expect(compose).toMatch(/ DATABASE_URL: postgres:\/\/latchkey_app:/);
  expect(compose).toMatch(/ DATABASE_MIGRATION_URL: postgres:\/\/latchkey_owner:/);
});

describe.runIf(server)('with a role for the application', () => {
  const suffix = randomBytes(6).toString('hex');
  const name = `latchkey_test_${suffix}`;
  const at = (username: string) => Object.assign(new URL(server ?? ''), { pathname: `/${name}`, username }).href;
  let latchkey: TestApp;
  const sql = (text: string) => latchkey.app.database.sql(text);

  beforeAll(async () => {
    await onServer(server!, `create database ${name}`);
    const roles = block
      .replaceAll(/latchkey_(owner|app)/g, `$&_${suffix}`)
      .replace('database latchkey ', `database ${name} `);
    await onServer(at(new URL(server!).username), roles);
    latchkey = await startTestApp({
      env: { DATABASE_URL: at(`latchkey_app_${suffix}`), DATABASE_MIGRATION_URL: at(`latchkey_owner_${suffix}`) },
      settings: { 'password.breachCheck': false },
    });
  });
  afterAll(async () => {
    await latchkey.close();
    await onServer(server!, `drop database ${name} with (force)`);
    await onServer(server!, `drop role latchkey_app_${suffix}; drop role latchkey_owner_${suffix}`);
  });

  test('users sign in, events are sealed, and the audit log verifies', async () => {
    const user = await latchkey.user();
    const client = await latchkey.client({ first_party: true });
    expect(await tokensFor(latchkey.base, client, user)).toMatchObject({ access_token: expect.any(String) as unknown });
    await latchkey.app.sealer.seal();
    const report = await latchkey.run<{ events: number }>('audit.verify');
    expect(report).toMatchObject({ intact: true, unsealed: 0 });
    expect(report.events).toBeGreaterThan(3);
    expect(await sql(`select current_user = 'latchkey_app_${suffix}' as is_app`)).toEqual([{ is_app: true }]);
    await latchkey.run('keys.reencrypt');
    await latchkey.run('audit.checkpoint');
  });

  const month = new Date().toISOString().slice(0, 7).replace('-', '_');
  test.each(
    ['audit_event', 'audit_seal', `audit_event_${month}`, `audit_seal_${month}`, 'audit_event_default'].flatMap(
      (table) => [
        [`update ${table} set ${table.startsWith('audit_seal') ? 'seal' : 'outcome'} = default`],
        [`delete from ${table}`],
        [`truncate ${table}`],
        [`drop table ${table}`],
        [`alter table ${table} disable trigger all`],
      ],
    ),
  )('%s is refused', async (statement) => {
    await expect(sql(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test.each([['delete from audit_detail'], [`delete from audit_detail_${month}`], ['truncate audit_detail']])(
    '%s is refused',
    async (statement) => {
      await expect(sql(statement)).rejects.toMatchObject({ code: '42501' });
    },
  );

  test('details can be erased', async () => {
    await sql(`update audit_detail set ip = null where false`);
  });

  test('rights that were granted on all tables at once are revoked at the next start', async () => {
    const owner = at(`latchkey_owner_${suffix}`);
    await onServer(owner, `grant all on all tables in schema public to latchkey_app_${suffix}`);
    await sql('delete from audit_event where false');
    const again = await startTestApp({
      env: { DATABASE_URL: at(`latchkey_app_${suffix}`), DATABASE_MIGRATION_URL: owner },
    });
    await again.close();
    await expect(sql('delete from audit_event where false')).rejects.toMatchObject({ code: '42501' });
    await expect(sql(`delete from audit_seal_${month} where false`)).rejects.toMatchObject({ code: '42501' });
    await sql('delete from audit_unsealed where false');
  });
});
