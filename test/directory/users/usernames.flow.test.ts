import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunOperation } from '#kernel/operations/bound-operation.ts';
import { exportPeople, importPeople, type ImportOptions } from '#migration/command-line.ts';
import type { LineResult } from '#migration/import-service.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { tokensFor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let folder: string;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env });
  folder = await mkdtemp(join(tmpdir(), 'latchkey-usernames-'));
  await setting('username', 'optional');
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
  await rm(folder, { recursive: true });
});

const run: RunOperation = (name, given) => latchkey.app.run(name, given);
const setting = async (name: string, value: unknown) =>
  expect(await run('settings.update', { params: { name: `users.${name}` }, input: { value } })).toMatchObject({
    ok: true,
  });
const create = (email: string, more = {}) => run('users.create', { input: { email, ...more } });
const rename = ({ id }: Pick<TestUser, 'id'>, username: string) =>
  run('users.username.update', { params: { user_id: id }, input: { username } });
const remove = ({ id }: Pick<TestUser, 'id'>) => run('users.username.delete', { params: { user_id: id } });
const shown = async ({ id }: Pick<TestUser, 'id'>) => {
  const read = await run('users.read', { params: { user_id: id } });
  return read.ok ? (read.result as { username?: string }).username : read.code;
};

describe('a username', () => {
  test('is given with a new user, in its canonical form', async () => {
    expect(await create('given@name.example', { username: ' Given.Name ' })).toMatchObject({
      ok: true,
      result: { username: 'given.name' },
    });
  });

  test('is of one user, however it is spelled, and no other looks like it', async () => {
    expect(await create('one@name.example', { username: 'paypal' })).toMatchObject({ ok: true });
    for (const username of ['paypal', 'PayPal', 'ＰＡＹＰＡＬ', 'paypa1', 'раураl', 'рауpal'])
      expect(
        await create(`${username.length}${username}@name.example`.replace(/[^\x21-\x7e]/g, 'x'), { username }),
      ).toMatchObject({ ok: false, code: expect.stringMatching(/^users\.username_(taken|invalid)$/) });
    const other = await latchkey.user();
    expect(await rename(other, 'Paypa1')).toMatchObject({ ok: false, code: 'users.username_taken' });
    expect(await shown(other)).toBeUndefined();
  });

  test.each([
    ['admin', 'reserved'],
    ['a', 'length'],
    ['a b', 'characters'],
    ['me@example.com', 'characters'],
    ['pаypal', 'scripts'],
  ])('%s is refused with its reason', async (username, problem) => {
    const refused = await create('refused@name.example', { username });
    expect(refused).toMatchObject({ ok: false, code: 'users.username_invalid', details: { problem } });
  });

  test('is changed and removed, and free for others then', async () => {
    const [ada, bea] = [await latchkey.user(), await latchkey.user()];
    expect(await rename(ada, 'Countess')).toMatchObject({ ok: true, result: { id: ada.id, username: 'countess' } });
    expect(await rename(bea, 'countess')).toMatchObject({ ok: false, code: 'users.username_taken' });
    expect(await rename(ada, 'lovelace')).toMatchObject({ ok: true });
    expect(await rename(bea, 'countess')).toMatchObject({ ok: true });
    expect(await remove(ada)).toMatchObject({ ok: true, result: { username: null } });
    expect(await shown(ada)).toBeUndefined();
    const told = [/username was set/, /was changed/, /was removed/];
    for (const subject of told) expect(await mails.next(ada.email, subject)).toMatchObject({ to: ada.email });
    const events = await latchkey.app.database.sql<{ details: { change: string } }>(
      `select d.details from audit_event e join audit_detail d on d.event_id = e.id
       where e.type = 'user.username_changed' and e.subject_id = $1 order by e.id`,
      [ada.id],
    );
    expect(events.map(({ details }) => details.change)).toEqual(['set', 'changed', 'removed']);
    expect(JSON.stringify(events)).not.toContain('countess');
  });

  test('is taken once when ten users ask for look-alikes at the same time', async () => {
    const users = await Promise.all(Array.from({ length: 10 }, () => latchkey.user()));
    const answers = await Promise.all(users.map((user, i) => rename(user, i % 2 ? 'rac1ng' : 'raclng')));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    for (const answer of answers) if (!answer.ok) expect(answer.code).toBe('users.username_taken');
  });

  test('is the claim preferred_username, over an imported one', async () => {
    const user = await latchkey.user({ preferred_username: 'from before' });
    const client = await latchkey.client({ first_party: true });
    const { access_token: token } = await tokensFor(latchkey.base, client, user, { scope: 'openid profile' });
    const told = async () => {
      const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });
      return ((await answer.json()) as { preferred_username?: string }).preferred_username;
    };
    expect(await told()).toBe('from before');
    await rename(user, 'told.name');
    expect(await told()).toBe('told.name');
  });

  test('names the user where an operator may name one by identifier', async () => {
    const user = await latchkey.user();
    await rename(user, 'previewed');
    const client = await latchkey.client();
    const preview = await run('clients.preview_claims', {
      params: { client_id: client.client_id },
      input: { user: 'Previewed' },
    });
    expect(preview).toMatchObject({ ok: true });
  });
});

describe('the setting', () => {
  test('off refuses usernames, and finds no user by one', async () => {
    const user = await latchkey.user();
    await rename(user, 'sleeping');
    await setting('username', 'off');
    expect(await create('off@name.example', { username: 'off.name' })).toMatchObject({ code: 'users.usernames_off' });
    expect(await rename(user, 'awake')).toMatchObject({ code: 'users.usernames_off' });
    expect(await remove(user)).toMatchObject({ ok: true });
    await setting('username', 'optional');
  });

  test('required refuses new users without one', async () => {
    await setting('username', 'required');
    const user = await create('needs@name.example', { username: 'needed' });
    expect(user).toMatchObject({ ok: true });
    expect(await create('without@name.example')).toMatchObject({ code: 'users.username_missing' });
    expect(await remove((user as unknown as { result: TestUser }).result)).toMatchObject({
      code: 'users.username_missing',
    });
    await setting('username', 'optional');
  });

  test('reserves names of the operator', async () => {
    await setting('reservedUsernames', ['Acme']);
    expect(await create('acme@name.example', { username: 'ac.me' })).toMatchObject({
      details: { problem: 'reserved' },
    });
    await setting('reservedUsernames', []);
  });
});

describe('a file', () => {
  let files = 0;
  async function importLines(lines: readonly Record<string, unknown>[], options: ImportOptions = {}) {
    const path = join(folder, `${(files += 1)}.jsonl`);
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await importPeople(run, path, { ...options, report: `${path}.report` });
    return (await readFile(`${path}.report`, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LineResult);
  }

  test('gives users their usernames, and an export gives them back', async () => {
    const report = await importLines([
      { email: 'f1@file.example', username: 'File.One' },
      { email: 'f2@file.example', username: 'fi1e.one' },
      { email: 'f3@file.example', username: 'root' },
      { email: 'f4@file.example', username: 'file.four', preferred_username: 'other' },
    ]);
    expect(report).toMatchObject([
      { outcome: 'created' },
      { outcome: 'refused', reason: 'username: another person has it, or one that looks like it' },
      { outcome: 'refused', reason: 'username: This username is reserved. Choose another one.' },
      { outcome: 'created' },
    ]);
    expect(await importLines([{ email: 'f5@file.example', username: 'file.four' }])).toMatchObject([
      { outcome: 'refused', reason: 'username: another person has it, or one that looks like it' },
    ]);
    const output = join(folder, 'out.csv');
    await exportPeople(run, { format: 'csv', output });
    expect(await readFile(output, 'utf8')).toMatch(/,file\.one,f1@file\.example,/);
  });

  test('of another system gives its preferred names as usernames where the command says so', async () => {
    const line = { email: 'kc@file.example', preferred_username: 'Key.Cloak' };
    await importLines([line], { usernames: true });
    const [row] = await latchkey.app.database.sql<{ username: string; profile: object }>(
      `select username, profile from users where email = 'kc@file.example'`,
    );
    expect(row).toEqual({ username: 'key.cloak', profile: {} });
  });

  test('with usernames is refused where they are off', async () => {
    await setting('username', 'off');
    expect(await importLines([{ email: 'off@file.example', username: 'file.off' }])).toMatchObject([
      { outcome: 'refused', reason: expect.stringMatching(/^username: Users have no usernames here/) as string },
    ]);
    await setting('username', 'optional');
  });
});
