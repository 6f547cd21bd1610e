import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import { type RunOperation, runFor } from '#kernel/operations/bound-operation.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { importPeople, type ImportOptions } from '#migration/command-line.ts';
import type { ImportSummary } from '#migration/files/import-run.ts';
import type { LineResult } from '#migration/import-service.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

let latchkey: TestApp;
let folder: string;
beforeAll(async () => {
  latchkey = await startTestApp({ safeHashes: true });
  folder = await mkdtemp(join(tmpdir(), 'latchkey-import-'));
});
afterAll(async () => {
  await latchkey.close();
  await rm(folder, { recursive: true });
});

const ask: RunOperation = (name, given) => latchkey.app.run(name, given);
let files = 0;

async function importLines(
  lines: readonly Record<string, unknown>[],
  options: ImportOptions = {},
  through: RunOperation = ask,
): Promise<ImportSummary & { report: LineResult[] }> {
  const path = join(folder, `${(files += 1)}.jsonl`);
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const summary = await importPeople(through, path, { ...options, report: `${path}.report` });
  const report = (await readFile(`${path}.report`, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LineResult);
  return { ...summary, report };
}

const crowd = (name: string, size: number) =>
  Array.from({ length: size }, (_, i) => ({
    email: `${name}${i}@crowd.example`,
    password_hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=',
  }));
const among = async (pattern: string) =>
  Number(
    (
      await latchkey.app.database.sql<{ n: number }>('select count(*)::int as n from users where email like $1', [
        pattern,
      ])
    )[0]?.n,
  );
const findUser = async (email: string) =>
  (
    await latchkey.app.database.sql<Record<string, unknown> & { id: string }>(
      `select u.*, p.hash, p.scheme from users u left join password_credential p on p.user_id = u.id where email_canonical = $1`,
      [email],
    )
  )[0];

const google = { connection: 'google', issuer: 'https://accounts.google.com' };

describe('an import', () => {
  test('stores everything in a line', async () => {
    const id = newId('usr');
    const summary = await importLines([
      {
        id,
        email: 'Ada@Example.com',
        email_verified: true,
        phone_number: '+442071234567',
        phone_number_verified: true,
        given_name: 'Ada',
        address: { country: 'UK' },
        properties: { plan: 'gold' },
        status: 'disabled',
        created_at: '2019-05-05T10:00:00Z',
        password_hash: '$2b$04$abcdefghijklmnopqrstuulGEfut91Q5ngXmajp18gpvxYMIw3zia',
        totp_secret: 'JBSWY3DPEHPK3PXP',
        identities: [{ ...google, subject: '12' }],
      },
    ]);
    expect(summary).toMatchObject({ lines: 1, created: 1, refused: 0 });
    const row = await findUser('ada@example.com');
    expect(row).toMatchObject({
      id: toUuid(id),
      email: 'Ada@Example.com',
      email_verified: true,
      phone_number_verified: true,
      profile: { given_name: 'Ada', address: { country: 'UK' } },
      properties: { plan: 'gold' },
      status: 'disabled',
      is_administrator: false,
      scheme: 'bcrypt',
    });
    expect(new Date(row?.['created_at'] as string).toISOString()).toBe('2019-05-05T10:00:00.000Z');
    expect(
      await latchkey.app.database.sql('select connection, issuer, subject from user_identity where user_id = $1', [
        row?.id,
      ]),
    ).toEqual([{ ...google, subject: '12' }]);
    const [totp] = await latchkey.app.database.sql<{ sealed: string }>(
      'select sealed from totp_credential where user_id = $1',
      [row?.id],
    );
    expect(totp?.sealed).toMatch(/^lk1\./);
    expect(totp?.sealed).not.toContain('JBSWY3DP');
  });

  test('hashes a password in plain text, and keeps no trace of it', async () => {
    await importLines([{ email: 'plain@example.com', password: 'correct horse battery staple 9' }]);
    const row = await findUser('plain@example.com');
    expect(row).toMatchObject({ scheme: null, hash: expect.stringMatching(/^\$argon2id\$v=19\$m=19456/) });
    const events = await latchkey.app.database.sql('select details::text from audit_record');
    expect(JSON.stringify(events)).not.toContain('correct horse');
  });

  test('in a dry run reports the result of each line and changes nothing', async () => {
    await importLines([{ email: 'here@dry.example', name: 'Here' }]);
    const events = await latchkey.app.database.sql('select 1 from audit_record');
    const { report, ...summary } = await importLines(
      [
        { email: 'new@dry.example', password: 'not hashed' },
        { email: 'here@dry.example', name: 'Here' },
        { email: 'here@DRY.example', name: 'There' },
        { email: 'nobody' },
      ],
      { dryRun: true, update: true },
    );
    expect(summary).toMatchObject({ dry_run: true, lines: 4, created: 1, unchanged: 1, updated: 0, refused: 2 });
    expect(report.map(({ line, outcome, reason }) => [line, outcome, reason])).toEqual([
      [1, 'created', undefined],
      [2, 'unchanged', undefined],
      [3, 'refused', 'email: the same person stands in line 2'],
      [4, 'refused', 'email: must be an address like name@example.com'],
    ]);
    expect(summary.refusals.map(({ line }) => line)).toEqual([3, 4]);
    expect(await among('%@dry.example')).toBe(1);
    expect(await latchkey.app.database.sql('select 1 from audit_record')).toHaveLength(events.length);
  });

  test('in a dry run reports the same as the real run', async () => {
    const lines = [...crowd('same', 30), { email: 'same3@crowd.example' }, { email: 'x', shoe: 1 }];
    const dry = await importLines(lines, { dryRun: true });
    const wet = await importLines(lines);
    expect(dry.report).toEqual(wet.report);
  });

  test('uses batches of at most 500 users and half a megabyte', async () => {
    const sizes: [number, number][] = [];
    const measured: RunOperation = (name, given) => {
      const { input } = given;
      sizes.push([(input as { lines: unknown[] }).lines.length, JSON.stringify(input).length]);
      return ask(name, given);
    };
    const fat = crowd('fat', 60).map((line) => ({ ...line, properties: { text: 'x'.repeat(15_000) } }));
    const summary = await importLines([...crowd('thin', 1100), ...fat], {}, measured);
    expect(summary.created).toBe(1160);
    expect(Math.max(...sizes.map(([lines]) => lines))).toBe(500);
    expect(Math.max(...sizes.map(([, bytes]) => bytes))).toBeLessThan(600 * 1024);
    expect(sizes).toHaveLength(4);
    expect(await latchkey.run('audit.verify')).toMatchObject({ intact: true });
  });

  test('that was interrupted continues, and a third run changes nothing', async () => {
    let batches = 0;
    const broken: RunOperation = async (name, given) => {
      batches += 1;
      return batches > 2 ? { ok: false, code: 'control.fault', message: 'The node is gone.' } : ask(name, given);
    };
    await expect(importLines(crowd('resume', 1500), {}, broken)).rejects.toThrow(
      /stopped before line 1001; run the same command/,
    );
    expect(await among('resume%')).toBe(1000);
    expect(await importLines(crowd('resume', 1500))).toMatchObject({ created: 500, unchanged: 1000, refused: 0 });
    expect(await importLines(crowd('resume', 1500))).toMatchObject({ created: 0, unchanged: 1500 });
    expect(await among('resume%')).toBe(1500);
  });

  test('waits while so many users sign in that no password can be hashed', async () => {
    let refusals = 2;
    const busy: RunOperation = async (name, given) =>
      (refusals -= 1) >= 0 ? { ok: false, code: 'credentials.busy', message: 'Too many.' } : ask(name, given);
    expect(await importLines(crowd('busy', 2), {}, busy)).toMatchObject({ created: 2 });
  });

  test('twice at once writes each user once', async () => {
    const results = await Promise.all([importLines(crowd('twice', 700)), importLines(crowd('twice', 700))]);
    expect(results.map(({ refused }) => refused)).toEqual([0, 0]);
    expect(results.reduce((sum, { created }) => sum + created, 0)).toBe(700);
    expect(await among('twice%')).toBe(700);
  });
});

describe('existing users', () => {
  test('stay unchanged by default', async () => {
    await importLines([{ email: 'eve@here.example', email_verified: true, name: 'Eve', properties: { a: 1 } }]);
    const line = {
      email: 'eve@here.example',
      name: 'Eva',
      properties: { b: 2 },
      identities: [{ ...google, subject: 'eve' }],
    };
    expect(await importLines([line])).toMatchObject({ exists: 1, updated: 0 });
    expect(await findUser('eve@here.example')).toMatchObject({ profile: { name: 'Eve' }, properties: { a: 1 } });
    expect(await importLines([line], { update: true })).toMatchObject({ updated: 1 });
    expect(await findUser('eve@here.example')).toMatchObject({ profile: { name: 'Eva' }, properties: { a: 1, b: 2 } });
    expect(await importLines([line], { update: true })).toMatchObject({ unchanged: 1 });
  });

  test('keep a password that they set here, and get another imported one', async () => {
    const bob = await latchkey.user({ email: 'bob@here.example' });
    const before = (await findUser(bob.email))?.['hash'];
    const hash = '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=';
    await importLines([{ email: bob.email, password_hash: hash }], { update: true });
    await importLines([{ email: bob.email, password: 'another password of theirs' }], { update: true });
    expect(await findUser(bob.email)).toMatchObject({ hash: before, scheme: null });
    await importLines([{ email: 'joe@here.example', password_hash: hash }]);
    const better = '$2b$04$abcdefghijklmnopqrstuulGEfut91Q5ngXmajp18gpvxYMIw3zia';
    expect(await importLines([{ email: 'joe@here.example', password_hash: better }], { update: true })).toMatchObject({
      updated: 1,
    });
    expect(await findUser('joe@here.example')).toMatchObject({ hash: better, scheme: 'bcrypt' });
  });

  test('keep their authenticator app', async () => {
    await importLines([{ email: 'app@here.example', totp_secret: 'JBSWY3DPEHPK3PXP' }]);
    const sealed = () =>
      latchkey.app.database.sql(
        'select sealed from totp_credential t join users u on u.id = t.user_id where u.email = $1',
        ['app@here.example'],
      );
    const before = await sealed();
    await importLines([{ email: 'app@here.example', totp_secret: 'KRSXG5CTMVRXEZLU' }], { update: true });
    expect(await sealed()).toEqual(before);
  });

  test('lose sessions and tokens when a line disables them', async () => {
    await importLines([{ email: 'out@here.example' }]);
    await importLines([{ email: 'out@here.example', status: 'disabled' }], { update: true });
    const row = await findUser('out@here.example');
    expect(row?.['status']).toBe('disabled');
    const events = await latchkey.app.database.sql<{ type: string }>(
      'select type from audit_record where subject_id = $1 order by at, id',
      [fromUuid('usr', String(row?.id))],
    );
    expect(events.map(({ type }) => type)).toEqual(['user.imported', 'user.imported', 'user.disabled']);
  });

  test('keep an additional address', async () => {
    const owner = await latchkey.user({ email: 'owner@further.example' });
    const now = new Date(performance.timeOrigin);
    await latchkey.app.database.sql(
      `insert into contact (id, user_id, kind, value, canonical, verified_at, created_at) values ($1, $2, 'email', $3, $3, $4, $4)`,
      [toUuid(newId('con')), toUuid(owner.id as never), 'second@further.example', now],
    );
    expect((await importLines([{ email: 'Second@further.example' }], { update: true })).report).toEqual([
      expect.objectContaining({ outcome: 'refused', reason: 'email: another person has it as a further address' }),
    ]);
  });

  test('get the additional addresses of a file, but not addresses of other users', async () => {
    const lines = [{ email: 'first@further.example', email_verified: true, further_emails: ['Third@further.example'] }];
    expect(await importLines(lines)).toMatchObject({ created: 1 });
    expect(await importLines(lines)).toMatchObject({ unchanged: 1 });
    const thief = { email: 'thief@further.example', further_emails: ['third@further.example'] };
    expect(await importLines([thief], { update: true })).toMatchObject({ refused: 1 });
    const more = { email: 'first@further.example', further_emails: ['fourth@further.example'] };
    expect(await importLines([more], { update: true })).toMatchObject({ updated: 1 });
    const rows = await latchkey.app.database.sql(
      `select value, verified_at is not null as proven from contact c join users u on u.id = c.user_id where u.email = $1 order by value`,
      ['first@further.example'],
    );
    expect(rows).toEqual([
      { value: 'Third@further.example', proven: true },
      { value: 'fourth@further.example', proven: true },
    ]);
  });

  test('with an unverified address get nothing that belongs to its owner', async () => {
    const squatter = await latchkey.user({ email: 'squatted@here.example' });
    const owner = { email: squatter.email, email_verified: true, identities: [{ ...google, subject: 'squatted' }] };
    expect(await importLines([owner])).toMatchObject({ exists: 1 });
    expect((await importLines([owner], { update: true })).report).toEqual([
      expect.objectContaining({
        outcome: 'refused',
        reason: expect.stringMatching(/^email: the existing user/) as unknown,
      }),
    ]);
    expect(await findUser(squatter.email)).toMatchObject({ email_verified: false });
    expect(await latchkey.app.database.sql('select 1 from user_identity where subject = $1', ['squatted'])).toEqual([]);
  });

  test('are not taken over by a user with their identity', async () => {
    await importLines([{ email: 'owner@id.example', identities: [{ ...google, subject: 'owner' }] }]);
    const thief = { email: 'thief@id.example', identities: [{ ...google, subject: 'owner' }] };
    expect((await importLines([thief], { update: true })).report).toEqual([
      expect.objectContaining({ outcome: 'refused', reason: 'identities: owner of google is another person' }),
    ]);
    expect(await findUser('thief@id.example')).toBeUndefined();
  });

  test('keep the id of the system before, which no second user gets', async () => {
    const line = { email: 'first@legacy.example', legacy_id: 'A-1' };
    expect(await importLines([line])).toMatchObject({ created: 1 });
    expect(await findUser('first@legacy.example')).toMatchObject({ legacy_id: 'A-1' });
    expect(await importLines([line])).toMatchObject({ unchanged: 1 });
    const twins = ['second', 'third'].map((name) => ({ email: `${name}@legacy.example`, legacy_id: 'A-2' }));
    const { report } = await importLines([{ ...line, email: 'thief@legacy.example' }, ...twins]);
    expect(report).toMatchObject([
      { outcome: 'refused', reason: 'legacy_id: another person has it' },
      { outcome: 'created' },
      { outcome: 'refused', reason: 'legacy_id: another person has it' },
    ]);
    expect(await importLines([{ ...line, legacy_id: 'A-3' }], { update: true })).toMatchObject({ updated: 1 });
    expect(await findUser('first@legacy.example')).toMatchObject({ legacy_id: 'A-3' });
  });
});

describe('roles and groups', () => {
  test('of a line are given once, and none that rules here', async () => {
    await latchkey.run('roles.create', { name: 'packer' });
    await latchkey.run('groups.create', { name: 'night/shift' });
    const line = { email: 'pat@grants.example', roles: ['packer', 'SUPER_ADMIN', 'unknown'], groups: ['night/shift'] };
    const { report } = await importLines([line]);
    expect(report).toEqual([
      {
        line: 1,
        outcome: 'created',
        email: 'pat@grants.example',
        warnings: [
          'roles: SUPER_ADMIN is not given: it is a role of Latchkey, which is given by assignment create',
          'roles: unknown is not given: there is none of that name',
        ],
      },
    ]);
    const held = async () =>
      latchkey.app.database.sql(
        `select r.name, u.is_administrator from role_assignment a join role r on r.id = a.role_id join users u on u.id = a.user_id
         where u.email = $1 union all select g.name, false from user_group_member m join user_group g on g.id = m.group_id
         join users u on u.id = m.user_id where u.email = $1 order by 1`,
        [line.email],
      );
    const given = [
      { name: 'night/shift', is_administrator: false },
      { name: 'packer', is_administrator: false },
    ];
    expect(await held()).toEqual(given);
    expect(await importLines([line], { update: true })).toMatchObject({ unchanged: 1 });
    expect(await held()).toEqual(given);
    await latchkey.run('roles.create', { name: 'driver' });
    expect(await importLines([{ ...line, roles: ['driver'] }])).toMatchObject({ unchanged: 1 });
    expect(await importLines([{ ...line, roles: ['driver'] }], { update: true })).toMatchObject({ updated: 1 });
    expect(await held()).toHaveLength(3);
  });
});

test('an actor who may not give roles brings users without them', async () => {
  await latchkey.run('roles.create', { name: 'guarded' });
  const may = (permission: string) => permission === 'users.manage';
  const lines = [{ line: 1, record: { email: 'api@grants.example', roles: ['guarded'] } }];
  const answer = await runFor(latchkey.app.operations, { ...operator, may })('users.import', { input: { lines } });
  expect(answer).toMatchObject({
    result: {
      results: [
        { outcome: 'created', warnings: ['roles: guarded is not given: you may not give roles (access.manage)'] },
      ],
    },
  });
  expect(
    await latchkey.app.database.sql(
      'select 1 from role_assignment a join users u on u.id = a.user_id where u.email = $1',
      ['api@grants.example'],
    ),
  ).toEqual([]);
});

describe('a new password', () => {
  test('is demanded where a line says so, once', async () => {
    const line = { email: 'new@password.example', password: 'first of several words', password_update_required: true };
    const required = async () => (await findUser(line.email))?.['password_update_required'];
    expect(await importLines([line])).toMatchObject({ created: 1 });
    expect(await required()).toBe(true);
    await latchkey.app.database.sql('update users set password_update_required = false where email = $1', [line.email]);
    expect(await importLines([line], { update: true })).toMatchObject({ unchanged: 1 });
    expect(await required()).toBe(false);
  });

  test('is demanded of an existing user together with the password that a line brings', async () => {
    await importLines([{ email: 'later@password.example' }]);
    const line = {
      email: 'later@password.example',
      password: 'first of several words',
      password_update_required: true,
    };
    expect(await importLines([line], { update: true })).toMatchObject({ updated: 1 });
    expect(await findUser(line.email)).toMatchObject({ password_update_required: true });
  });
});

test('a report names each user, and counts the same warnings together', async () => {
  const lines = [
    { email: 'a@warned.example', picture: 'avatar_1' },
    { email: 'b@warned.example', picture: 'avatar_2' },
    { preferred_username: 'nobody', name: 'Nobody' },
    { legacy_id: 'uid9' },
  ];
  const { report, ...summary } = await importLines(lines);
  expect(summary).toMatchObject({
    created: 2,
    refused: 2,
    refusals: [
      { line: 3, username: 'nobody', reason: expect.stringContaining('email: give an address') as unknown },
      { line: 4, legacy_id: 'uid9', reason: expect.stringContaining('email: give an address') as unknown },
    ],
    warnings: [{ warning: 'picture: left out: Invalid URL', users: 2, line: 1, email: 'a@warned.example' }],
  });
  expect(report[1]).toMatchObject({ warnings: ['picture: left out: Invalid URL'] });
});

test('a hash that is too expensive is refused with its line', async () => {
  const { report } = await importLines([
    {
      email: 'a@hostile.example',
      password_hash: '$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzYWx0$gwQOXSNhxiOxPOA0PY10P9QFO4NAYysnqRt1GSQLE54',
    },
    { email: 'b@hostile.example', password_hash: 'hunter2', password_hash_format: 'plain' },
  ]);
  expect(report.map(({ reason }) => reason)).toEqual([
    'password_hash: m must be from 8 to 262144',
    'password_hash: a password in plain text is given as password, not as password_hash',
  ]);
  expect(await among('%@hostile.example')).toBe(0);
});

test('a command with too many lines is refused as a whole', async () => {
  const lines = Array.from({ length: 501 }, (_, i) => ({ line: i, record: {} }));
  await expect(latchkey.run('users.import', { lines })).rejects.toThrow(/input\.invalid/);
});
