/**
 * Standard output of a command carries its answer and nothing else, whatever fails meanwhile. The commands are those that
 * the program itself lists, so a new one is in this table from its first day.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { serveCommands } from '#kernel/control.ts';
import { createLog, type Log } from '#kernel/log.ts';
import { type App, createApp } from '../../src/app/app.ts';
import { createProgram } from '../../src/main/cli-program.ts';
import type { OpenApp } from '../../src/main/cli-run.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { type CommandEnded, runWords } from '../support/command-line.ts';

const secrets = 'a-secret-that-only-the-tests-know-01';
let folder: string;
let latchkey: TestApp;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-out-'));
  await writeFile(join(folder, 'people.csv'), 'email\nada@example.com\n');
  await writeFile(join(folder, 'rows.json'), '[]');
  await writeFile(join(folder, 'realm.json'), '{"realm":"shop","clients":[],"users":[{"email":"ada@example.com"}]}');
  latchkey = await startTestApp();
});
afterAll(async () => {
  await latchkey.close();
  await rm(folder, { recursive: true });
});

/** All but the server itself, whose standard output is its log. */
function leavesOf(command: Command, path: readonly string[] = []): { path: string[]; command: Command }[] {
  if (command.commands.length === 0) return [{ path: [...path], command }];
  return command.commands.flatMap((below) => leavesOf(below, [...path, below.name()]));
}
const leaves = leavesOf(createProgram().program).filter(({ path }) => path[0] !== 'serve');

/** A value that the option takes: a word, a number or JSON. */
function valueOf(parse: ((value: string, previous: unknown) => unknown) | undefined): string {
  return (
    ['word', '1', '{}'].find((value) => {
      try {
        parse?.(value, undefined);
        return true;
      } catch {
        return false;
      }
    }) ?? ''
  );
}

/** Whether the command takes a file of rows, as JSON. */
const isOfRows = (path: readonly string[]): boolean => /^bulk-|-members$|^invite-many$/.test(path.at(-1)!);

/** The least that the command takes. `name`: what a command that creates something calls it; a role is deleted by it. */
function wordsOf({ path, command }: (typeof leaves)[number], name = 'word'): string[] {
  const file = join(folder, path[0] === 'realm' ? 'realm.json' : isOfRows(path) ? 'rows.json' : 'people.csv');
  const verb = path.at(-1)!.split('-')[0]!;
  const isNamed = (member: string) =>
    (verb === 'create' && member === 'name') || (verb === 'delete' && member.startsWith('role'));
  const valueOfArgument = (argument: string) => (/^files?$/.test(argument) ? file : isNamed(argument) ? name : 'word');
  return [
    ...path,
    ...(path.join(' ') === 'session end' ? ['--all'] : []),
    ...command.registeredArguments.map((argument) => valueOfArgument(argument.name())),
    ...command.options
      .filter(({ mandatory }) => mandatory)
      .flatMap((option) => [option.long!, isNamed(option.attributeName()) ? name : valueOf(option.parseArg as never)]),
  ];
}

const postgres = { DATABASE_URL: 'postgres://latchkey:c4n4ry@127.0.0.1:1/x', LATCHKEY_SECRETS: secrets };

/** The product with one member in the way: each command first does what is told. */
const openWith =
  (before: (log: Log) => void): OpenApp =>
  async ({ log }) => ({
    run: async (name, given) => {
      before(log);
      return latchkey.app.run(name, given);
    },
    close: async () => void log.warn({ closing: true }, 'something was slow to close'),
  });

function failing(code: string, message: string, opens: boolean): OpenApp {
  const fail = (): never => {
    throw Object.assign(new Error(message), { code });
  };
  return opens ? async () => fail() : openWith(fail);
}

function expectAnswerAlone({ code, stdout, stderr }: CommandEnded): void {
  expect([0, 1]).toContain(code);
  if (stdout !== '') JSON.parse(stdout);
  expect(stdout).not.toMatch(/"level":|latchkey:/);
  if (code === 0) return;
  const last = JSON.parse(stderr.trim().split('\n').at(-1)!) as object;
  if (stdout === '')
    expect(last).toEqual(expect.objectContaining({ error: expect.any(String), message: expect.any(String) }));
}

describe.each(leaves.map((leaf) => [leaf.path.join(' '), leaf] as const))('latchkey %s', (_name, leaf) => {
  test('prints only its answer to standard output while everything warns', async () => {
    const warns = openWith((log) => log.warn({ redis: 'down' }, 'Redis does not answer'));
    const machine = await runWords([...wordsOf(leaf), '--json'], postgres, warns);
    expectAnswerAlone(machine);
    expect(machine.stderr).toContain('"level":"warn"');
    const person = await runWords(wordsOf(leaf, 'other'), postgres, warns);
    expect(person.stdout).not.toContain('"level"');
    expect(person.code).toBe(machine.code);
  });
});

/** The same code runs every command, so one of each group fails in every way. */
const oneOfEachGroup = Object.values(Object.groupBy(leaves, ({ path }) => path[0]!))
  .map((group) => group![0]!)
  .filter(({ path }) => path[0] !== 'doctor');

test('latchkey doctor prints its report when the database is down, because that is its answer', async () => {
  const ended = await runWords(['doctor', '--json'], postgres);
  expect(ended.code).toBe(1);
  expect(JSON.parse(ended.stdout)).toMatchObject({ status: 'failed' });
  expect(`${ended.stdout}${ended.stderr}`).not.toMatch(/"level":|c4n4ry/);
});

describe.each(oneOfEachGroup.map((leaf) => [leaf.path.join(' '), leaf] as const))('latchkey %s', (_name, leaf) => {
  test.each([
    ['Redis', 'ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:6379'],
    ['the mail server', 'EAUTH', 'Invalid login: 535'],
    ['the disk', 'ENOSPC', 'no space left on device, write'],
    ['a statement', '57014', 'canceling statement due to statement timeout'],
  ])('prints nothing to standard output when %s fails', async (_what, code, message) => {
    // Commands that migrate fail while the product opens, all others when they run.
    const opens = leaf.path[0] === 'migrate';
    const ended = await runWords([...wordsOf(leaf), '--json'], postgres, failing(code, message, opens));
    expectAnswerAlone(ended);
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toContain(message);
  });

  test('prints nothing to standard output when the database is down', async () => {
    const ended = await runWords([...wordsOf(leaf), '--json'], postgres);
    expectAnswerAlone(ended);
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).not.toContain('c4n4ry');
  });

  test('prints nothing to standard output when its folder cannot be created', async () => {
    const ended = await runWords([...wordsOf(leaf), '--json'], { LATCHKEY_DATA: join(folder, 'people.csv', 'x') });
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expectAnswerAlone(ended);
  });
});

describe('a command that a running server executes', () => {
  test('prints only its error when it fails there', async () => {
    const lines: string[] = [];
    const control = await serveCommands({
      dataFolder: folder,
      run: (name, given) =>
        name === 'users.list'
          ? Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }))
          : latchkey.app.run(name, given),
      log: createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } }),
    });
    for (const [words, code] of [
      [['user', 'list'], 1],
      [['client', 'list'], 0],
    ] as const) {
      const ended = await runWords([...words, '--json'], { LATCHKEY_DATA: folder });
      expectAnswerAlone(ended);
      expect(ended.code).toBe(code);
    }
    expect(lines.join('')).toContain('ENOSPC');
    await control.close();
  });
});

test('is logged by the server to standard error, while Redis and the mail server are down', async () => {
  let opened: App | undefined;
  const env = {
    ...postgres,
    REDIS_URL: 'redis://127.0.0.1:1',
    SMTP_URL: 'smtp://127.0.0.1:1',
    DATABASE_URL: 'postgres://x@127.0.0.1:1/x',
  };
  const openApp: OpenApp = async ({ config, log }) => {
    const { databaseUrl, embedded } = latchkey.config;
    const { pglite } = latchkey.app.database;
    opened = await createApp({
      config: { ...config, databaseUrl, databaseMigrationUrl: databaseUrl, embedded, secrets: latchkey.config.secrets },
      log,
      clock: systemClock,
      ...(pglite ? { pglite } : {}),
    });
    return { run: opened.run, close: () => opened!.close() };
  };
  const ended = await runWords(['client', 'list', '--json'], env, openApp);
  expectAnswerAlone(ended);
  expect(ended.code).toBe(0);
});

describe('wrong usage', () => {
  test.each([[['user', 'show']], [['user', 'befriend']], [['client', 'show']], [['user', 'list', '--limit', 'x']]])(
    '%j gives one document on standard error, and exit code 2',
    async (words) => {
      const ended = await runWords([...words, '--json'], postgres);
      expect([ended.code, ended.stdout]).toEqual([2, '']);
      expect(JSON.parse(ended.stderr)).toMatchObject({ error: 'usage' });
      expect((await runWords(words, postgres)).stderr).toContain('Usage:');
    },
  );

  test('gives the same for variables', async () => {
    const ended = await runWords(['user', 'list', '--json'], { ...postgres, PORT: 'x' });
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(JSON.parse(ended.stderr)).toMatchObject({
      error: 'config.invalid',
      message: expect.stringContaining('PORT') as string,
    });
  });
});

test('a command waits for a server that is busy, and says so to standard error alone', async () => {
  let tries = 0;
  const busy: OpenApp = async () => ({
    run: async (name, given) => {
      tries += 1;
      if (tries > 1) return latchkey.app.run(name, given);
      return { ok: false, code: 'credentials.busy', message: 'Too many users.', details: { retryAfter: 0.01 } };
    },
    close: async () => {},
  });
  const ended = await runWords(['user', 'list', '--json'], postgres, busy);
  expect([ended.code, tries]).toEqual([0, 2]);
  expect(JSON.parse(ended.stdout)).toHaveProperty('users');
  expect(ended.stderr).toBe('latchkey: Too many users. This command tries again in 0.01 s.\n');
});

test.each([
  ['a wait of minutes', { retryAfter: 60 }],
  ['a wait of nothing', { retryAfter: 0 }],
  ['no wait', undefined],
])('a refusal with %s is printed at once', async (_title, details) => {
  const refused: OpenApp = async () => ({
    run: async () => ({ ok: false, code: 'domains.asked_recently', message: 'Wait.', details }),
    close: async () => {},
  });
  const { code, stderr } = await runWords(['user', 'list'], postgres, refused);
  expect([code, stderr]).toEqual([1, 'latchkey: Wait.\n']);
});
