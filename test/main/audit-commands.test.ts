/** The commands of the audit log as scripts run them: exit codes, words, and files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { serveCommands } from '#kernel/control.ts';
import { createLog } from '#kernel/log.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { anyEvent, openAudit, openProvedAudit } from '../support/audit.ts';
import { type CommandEnded, runWords } from '../support/command-line.ts';
import { openTestDatabase } from '../support/database.ts';

let latchkey: TestApp;
let folder: string;
let control: { close(): Promise<void> };

beforeEach(async () => {
  latchkey = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-audit-'));
  control = await serveCommands({ dataFolder: folder, run: latchkey.app.run, log: createLog({ level: 'silent' }) });
  await latchkey.user();
  await allSealed();
});
afterEach(async () => {
  await control.close();
  await latchkey.close();
  await rm(folder, { recursive: true });
});

const allSealed = () =>
  expect.poll(() => sql('select 1 from audit_unsealed'), { timeout: 60_000, interval: 100 }).toEqual([]);

const audit = (...words: string[]): Promise<CommandEnded> => runWords(['audit', ...words], { LATCHKEY_DATA: folder });

async function save(text: string): Promise<string> {
  const file = join(folder, 'checkpoints.txt');
  await writeFile(file, text);
  return file;
}

const sql = (text: string) => latchkey.app.database.sql(text);
const newest = `(select event_id from audit_seal where chain = 'instance' order by sequence desc limit 1)`;

test('verify exits with 0, or with 1 and the chain, the number and the problem', async () => {
  const right = await audit('verify');
  expect(right).toMatchObject({ code: 0, stderr: '' });
  expect(right.stdout).toMatch(/^intact +true$/m);
  await sql(`update audit_event set outcome = 'failure' where id in ${newest}`);
  const wrong = await audit('verify');
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toMatch(
    /^latchkey: The audit log was changed\. Chain instance, number \d+: The seal does not fit: the event, the seal or a seal before it was changed\.\n$/,
  );
  const { error, details } = JSON.parse((await audit('verify', '--json')).stderr) as {
    error: string;
    details: { intact: boolean; problems: object[] };
  };
  expect({ error, ...details }).toMatchObject({
    error: 'audit.not_intact',
    intact: false,
    problems: [{ chain: 'instance' }],
  });
});

test.each([
  ['as text', []],
  ['as JSON', ['--json']],
])('a printed checkpoint, %s, shows later that the newest event was removed', async (_how, options) => {
  const printed = await audit('checkpoint', ...options);
  expect(printed.code).toBe(0);
  const file = await save(printed.stdout);
  const right = await audit('verify', '--checkpoint', file);
  expect(right).toMatchObject({ code: 0, stderr: '' });
  expect(right.stdout).toMatch(/^checkpoint_age_seconds +\d+$/m);
  expect(right.stdout).toMatch(/^events_after_checkpoint +\d+$/m);
  await sql(`delete from audit_detail where event_id in ${newest}`);
  await sql(`delete from audit_event where id in ${newest}`);
  await sql(`delete from audit_seal where event_id = ${newest}`);
  const wrong = await audit('verify', '--checkpoint', file);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toMatch(/A checkpoint says that this seal was there\. .* its newest events were removed\./);
});

test('a checkpoint of another instance, and a file that is none, are refused with the line', async () => {
  const database = await openTestDatabase();
  const other = await openProvedAudit({ clock: systemClock, database });
  const { checkpoint } = await other.checkpoints.make();
  await database.close();
  const foreign = await audit('verify', '--checkpoint', await save(`${checkpoint}\n`));
  expect(foreign).toMatchObject({ code: 1, stdout: '' });
  expect(foreign.stderr).toBe(
    'latchkey: The checkpoint in line 1 cannot be used: this installation has not signed it.\n',
  );
  const none = await audit('verify', '--checkpoint', await save('\nnothing\n'));
  expect(none).toMatchObject({ code: 1, stdout: '' });
  expect(none.stderr).toBe('latchkey: The checkpoint in line 2 cannot be used: it is no signed checkpoint.\n');
  expect(await audit('verify', '--checkpoint', join(folder, 'missing.txt'))).toMatchObject({ code: 2, stdout: '' });
});

test('drop removes old months, which verification accepts, and refuses months that are not over', async () => {
  const now = new Date();
  const month = now.toISOString().slice(0, 7);
  const then = new Date(Date.UTC(now.getUTCFullYear() - 1, 2, 5));
  const past = openAudit({ clock: { now: () => then }, database: latchkey.app.database });
  for (let i = 0; i < 3; i += 1)
    await past.log.note({ type: anyEvent('act'), actor: { type: 'system' }, organizationId: 'org_old' });
  await allSealed();
  const dropped = await audit('drop', '--before', month);
  expect(dropped).toMatchObject({ code: 0, stderr: '' });
  expect(dropped.stdout).toMatch(/^ +sequence +2$/m);
  expect(await sql(`select 1 from audit_event where organization_id = 'org_old'`)).toHaveLength(1);
  expect(await audit('verify')).toMatchObject({ code: 0, stderr: '' });
  for (const wrong of ['2199-01', 'january']) {
    const refused = await audit('drop', '--before', wrong);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toBe(
      'latchkey: Name the first month that stays, such as 2026-01. It cannot lie in the future.\n',
    );
  }
});
