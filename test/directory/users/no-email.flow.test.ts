/** Users with a username and without an email address: how operators add, show, import and keep them. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportPeople, importPeople, type ImportOptions } from '#migration/command-line.ts';
import type { LineResult } from '#migration/import-service.ts';
import { password, startTestApp, type TestApp } from '../../support/app.ts';
import { organizationOf } from '../../support/organizations.ts';
import { tokensFor } from '../../support/visitor.ts';

let latchkey: TestApp;
let folder: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-no-email-'));
  await usernames('optional');
});
afterAll(async () => {
  await latchkey.close();
  await rm(folder, { recursive: true });
});

type Shown = { id: string; username?: string; email?: string };
const run = (name: string, given: object) => latchkey.app.run(name, given);
const change = (value: unknown) => run('settings.update', { params: { name: 'users.username' }, input: { value } });
const usernames = async (value: unknown) => expect(await change(value)).toMatchObject({ ok: true });
const create = (input: object) => run('users.create', { input });

async function named(username: string, more = {}): Promise<Shown> {
  const answer = await create({ username, password, ...more });
  expect(answer).toMatchObject({ ok: true });
  return (answer as unknown as { result: Shown }).result;
}

describe('a user without an email address', () => {
  test('is added with a username, and shown without what the user does not have', async () => {
    const user = await named('Plain.Person', { name: 'Plain Person', email_verified: true });
    expect(user).toMatchObject({ username: 'plain.person', name: 'Plain Person', status: 'active' });
    const read = await run('users.read', { params: { user_id: user.id } });
    for (const shown of [user, (read as unknown as { result: Shown }).result]) {
      expect(shown).not.toHaveProperty('email');
      expect(shown).not.toHaveProperty('email_verified');
    }
    expect(await run('users.list', { input: {} })).toMatchObject({ ok: true });
  });

  test.each([
    [{}, 'users.identifier_missing'],
    [{ name: 'Nameless' }, 'users.identifier_missing'],
    [{ username: 'root' }, 'users.username_invalid'],
    [{ username: 'fine.name', email: '' }, 'users.email_invalid'],
    [{ username: 'spoken.name', password: 'spoken.name 2' }, 'credentials.password_too_short'],
  ])('is not added with %j', async (input, code) => {
    expect(await create(input)).toMatchObject({ ok: false, code });
  });

  test('is found by the username in commands, like others by their address', async () => {
    const { id } = await named('by.name');
    expect(await run('users.read', { params: { user_id: 'By.Name' } })).toMatchObject({ ok: true, result: { id } });
    expect(await run('users.disable', { params: { user_id: 'by.name' } })).toMatchObject({
      ok: true,
      result: { id, status: 'disabled' },
    });
  });

  test('keeps the username as long as there is no address', async () => {
    const { id } = await named('kept.name');
    expect(await run('users.username.delete', { params: { user_id: id } })).toMatchObject({
      ok: false,
      code: 'users.username_needed',
    });
    expect(
      await run('users.username.update', { params: { user_id: id }, input: { username: 'other.name' } }),
    ).toMatchObject({ ok: true });
  });

  test('is told to applications by the username, and no claim speaks of an address', async () => {
    const user = await named('told.person', { given_name: 'Tola' });
    const client = await latchkey.client({ first_party: true, id_token_claims: ['*'] });
    const scope = 'openid profile email';
    const tokens = await tokensFor(latchkey.base, client, { email: 'told.person', password }, { scope });
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    const told = (await answer.json()) as Record<string, unknown>;
    const idToken = JSON.parse(Buffer.from(tokens.id_token.split('.')[1]!, 'base64url').toString()) as object;
    for (const claims of [told, idToken]) {
      expect(claims).toMatchObject({ sub: user.id, preferred_username: 'told.person', given_name: 'Tola' });
      expect(claims).not.toHaveProperty('email');
      expect(claims).not.toHaveProperty('email_verified');
    }
  });

  test('is a member of an organization, who is listed with the username', async () => {
    const user = await named('member.name');
    const organization = await organizationOf(latchkey, [user]);
    const listed = await run('organizations.members.list', { params: { organization_id: organization.id }, input: {} });
    expect(listed).toMatchObject({ ok: true, result: { members: [{ user_id: user.id, username: 'member.name' }] } });
    expect(JSON.stringify(listed)).not.toContain('email');
  });

  test('is one user, however many requests add the name at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => create({ username: 'same.name' })));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    for (const answer of answers) if (!answer.ok) expect(answer.code).toBe('users.username_taken');
  });

  test('is one that the database itself requires a name of', async () => {
    const { id } = await named('checked.name');
    const bare = latchkey.app.database.sql(
      `update users set username = null, username_skeleton = null where username = 'checked.name'`,
    );
    await expect(bare).rejects.toThrow(/users_identifier_check/);
    expect(id).toMatch(/^usr_/);
  });
});

describe('a file', () => {
  let files = 0;
  async function importText(text: string, ending: 'jsonl' | 'csv', options: ImportOptions = {}) {
    const path = join(folder, `${(files += 1)}.${ending}`);
    await writeFile(path, text);
    const summary = await importPeople(run, path, { ...options, report: `${path}.report` });
    const report = (await readFile(`${path}.report`, 'utf8')).trim().split('\n');
    return { summary, report: report.map((line) => JSON.parse(line) as LineResult) };
  }
  const lines = (records: readonly object[], options: ImportOptions = {}) =>
    importText(records.map((record) => `${JSON.stringify(record)}\n`).join(''), 'jsonl', options);

  test('gives users without an address, who sign in', async () => {
    const { report } = await lines([
      { username: 'File.Alone', password, email_verified: true },
      { username: 'file.alone', password },
      { name: 'Nobody' },
      { username: 'file.more', further_emails: ['more@file.example'] },
      { username: 'file.address', email: 'file.address@file.example' },
    ]);
    expect(report).toMatchObject([
      { outcome: 'created', username: 'file.alone' },
      { outcome: 'refused', username: 'file.alone', reason: 'username: the same person stands in line 1' },
      {
        outcome: 'refused',
        reason:
          'email: give an address, or a username where users have usernames (setting users.username, option --usernames)',
      },
      { outcome: 'refused', username: 'file.more', reason: 'further_emails: give one of them as email' },
      { outcome: 'created', email: 'file.address@file.example' },
    ]);
    const client = await latchkey.client({ first_party: true });
    const tokens = await tokensFor(latchkey.base, client, { email: 'file.alone', password });
    expect(tokens.access_token).toBeTypeOf('string');
  });

  test('names a user by the username again, and changes that user where the command says so', async () => {
    const record = { username: 'file.twice', legacy_id: 'old-7', password, name: 'Before' };
    await lines([record]);
    expect((await lines([record])).report).toMatchObject([{ outcome: 'unchanged' }]);
    expect((await lines([{ ...record, name: 'After' }])).report).toMatchObject([{ outcome: 'exists' }]);
    const { report } = await lines([{ ...record, name: 'After' }], { update: true });
    expect(report).toMatchObject([{ outcome: 'updated', username: 'file.twice' }]);
    expect(await run('users.read', { params: { user_id: 'file.twice' } })).toMatchObject({ result: { name: 'After' } });
  });

  test('gives nothing of its own to a user who only has the same username', async () => {
    await create({ username: 'with.address', email: 'with.address@file.example' });
    await named('without.id');
    const identities = [{ connection: 'old', subject: '7' }];
    const { report } = await lines([{ username: 'with.address' }, { username: 'without.id', identities }], {
      update: true,
    });
    expect(report).toMatchObject([
      { outcome: 'refused', reason: 'username: another person has it, or one that looks like it' },
      { outcome: 'refused', reason: 'username: the existing user may be another person; give id or legacy_id' },
    ]);
    const { id } = await named('with.id');
    const sure = await lines([{ id, username: 'with.id', identities: [{ connection: 'old', subject: '8' }] }], {
      update: true,
    });
    expect(sure.report).toMatchObject([{ outcome: 'updated', id }]);
  });

  test('as CSV has an empty column, and an export gives it back', async () => {
    const csv = `username,email,given_name\ncsv.alone,,Cleo\ncsv.both,csv.both@file.example,Bo\n`;
    const { summary } = await importText(csv, 'csv');
    expect(summary).toMatchObject({ created: 2, refused: 0 });
    for (const [format, row] of [
      ['csv', /,csv\.alone,,,/],
      ['jsonl', /"username":"csv\.alone","given_name"/],
    ] as const) {
      const output = join(folder, `out.${format}`);
      await exportPeople(run, { format, output });
      const text = await readFile(output, 'utf8');
      expect(text).toMatch(row);
      const again = await importText(text, format);
      expect(again.summary).toMatchObject({ created: 0, refused: 0 });
    }
  });

  test('of another system needs its names as usernames', async () => {
    const document = JSON.stringify({ users: [{ id: 'kc-1', username: 'kc.alone', enabled: true }] });
    expect((await importText(document, 'jsonl', { format: 'keycloak' })).summary).toMatchObject({ refused: 1 });
    const { report } = await importText(document, 'jsonl', { format: 'keycloak', usernames: true });
    expect(report).toMatchObject([{ outcome: 'created', username: 'kc.alone' }]);
  });
});

describe('the setting', () => {
  test('cannot be switched off while such users exist, and says how many there are', async () => {
    const [{ count } = { count: 0 }] = await latchkey.app.database.sql<{ count: number }>(
      'select count(*)::int as count from users where email is null',
    );
    expect(count).toBeGreaterThan(1);
    for (const value of ['off', null])
      expect(await change(value)).toMatchObject({
        ok: false,
        code: 'settings.invalid',
        message: expect.stringContaining(`${count} users have no email address`) as string,
      });
    await usernames('required');
    await usernames('optional');
  });

  test('off refuses them, from commands and files', async () => {
    await latchkey.app.database.sql('delete from users where email is null');
    await usernames('off');
    expect(await create({ username: 'off.name' })).toMatchObject({ code: 'users.usernames_off' });
    expect(await create({})).toMatchObject({ code: 'users.identifier_missing' });
    const path = join(folder, 'off.jsonl');
    await writeFile(path, `${JSON.stringify({ username: 'off.name' })}\n`);
    const { refusals } = await importPeople(run, path, {});
    expect(refusals).toMatchObject([
      { line: 1, username: 'off.name', reason: expect.stringMatching(/^username: Users have no usernames/) as string },
    ]);
    await usernames('optional');
  });
});
