import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '#kernel/config.ts';
import { askRunning, isAnswered, serveCommands } from '#kernel/control.ts';
import { askOrOwnDataFolder, DataFolderInUse, ownDataFolder } from '#kernel/data-folder/data-folder.ts';
import { withSocketPath } from '#kernel/data-folder/socket-path.ts';
import { createLog } from '#kernel/log.ts';

let around: string;
const children: ChildProcess[] = [];
const closing: (() => unknown)[] = [];
beforeEach(async () => {
  around = await mkdtemp(join(tmpdir(), 'latchkey-folder-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  for (const close of closing.splice(0).toReversed()) await close();
  await rm(around, { recursive: true, force: true });
});

async function own(path: string, { command = 'serve', patience = 0, waited = [] as string[] } = {}) {
  const task = { command, address: 'http://localhost:3000' };
  const folder = await ownDataFolder(path, { task, patience, onWaiting: (text) => waited.push(text) });
  closing.push(() => folder.release());
  return folder;
}

/** The output of another process that takes the folder. */
async function take(path: string, patience = 0): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'folder-taker.ts'), path, String(patience)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: String(said) };
}

const note = (more: object) =>
  JSON.stringify({ pid: process.pid, host: 'elsewhere', command: 'serve', since: '2026-01-01T00:00:00.000Z', ...more });

describe('a data folder has one owner', () => {
  test('at a time, for any name of the folder', async () => {
    const path = join(around, 'd');
    const folder = await own(path);
    await symlink(path, join(around, 'link'));
    for (const name of [path, join(around, 'link'), relative('.', path), join(around, 'link', '..', 'd')])
      await expect(own(name)).rejects.toThrow(DataFolderInUse);
    folder.release();
    await own(join(around, 'link'));
    await expect(own(path)).rejects.toThrow(DataFolderInUse);
  });

  test('of all processes that take it at once', async () => {
    const path = join(around, 'd');
    const takers = await Promise.all(Array.from({ length: 4 }, () => take(path)));
    expect(takers.filter(({ said }) => said === 'owner')).toHaveLength(1);
    await expect(own(path)).rejects.toThrow(DataFolderInUse);
  });

  test('until that is killed: the next one owns it at once', async () => {
    const path = join(around, 'd');
    const { child, said } = await take(path);
    expect(said).toBe('owner');
    child.kill('SIGSTOP');
    await expect(own(path)).rejects.toThrow(String(child.pid));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await own(path);
  });

  test.each([
    ['a note of a process that is gone', { 'owner.json': note({ pid: 2 ** 22 + 1 }) }],
    [
      'a note with the pid of a process that runs, as after a restart of the machine',
      { 'owner.json': note({ pid: 1 }) },
    ],
    ['a note of a process in another container', { 'owner.json': note({ host: '0123456789ab' }) }],
    [
      'a note from the future, as after a change of the clock',
      { 'owner.json': note({ since: '2999-01-01T00:00:00Z' }) },
    ],
    ['a torn note', { 'owner.json': note({}).slice(0, 20) }],
    ['an empty note', { 'owner.json': '' }],
    ['an empty file of the lock', { 'owner.lock': '' }],
    ['a file of the lock with other bytes', { 'owner.lock': 'not what belongs here '.repeat(300) }],
    ['a file where the socket was', { 'control.sock': '' }],
  ])('and %s is not an owner', async (_title, files: Record<string, string>) => {
    const path = join(around, 'd');
    await mkdir(path, { mode: 0o700 });
    for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text, { mode: 0o600 });
    await own(path);
    await expect(own(path)).rejects.toThrow(`process ${process.pid} on `);
  });

  test('also if only the socket shows it: the lock file was removed, or an older version runs', async () => {
    const path = join(around, 'd');
    await mkdir(path, { mode: 0o700 });
    const server = createServer().listen(join(path, 'control.sock'));
    await once(server, 'listening');
    await expect(own(path)).rejects.toThrow(DataFolderInUse);
    server.close();
    await own(path);
  });

  test('which is named with its address and the advice', async () => {
    const path = join(around, 'd');
    await own(path);
    const refused = own(path, { patience: 60_000 });
    await expect(refused).rejects.toThrow(`process ${process.pid} on `);
    await expect(refused).rejects.toThrow('latchkey serve at http://localhost:3000, since 20');
    await expect(refused).rejects.toThrow('set LATCHKEY_DATA to another folder');
  });

  test('that a server waits for if it is a command, and says so once', async () => {
    const path = join(around, 'd');
    const command = await own(path, { command: 'user import' });
    const waited: string[] = [];
    const server = own(path, { patience: 60_000, waited });
    await expect.poll(() => waited, { timeout: 60_000 }).toHaveLength(1);
    command.release();
    await server;
    expect(waited).toEqual([expect.stringMatching(/^waiting for process \d+ on .*latchkey user import/)]);
  });

  test('that a command asks as soon as it answers, and replaces when it ends', async () => {
    const path = join(around, 'd');
    const waited: string[] = [];
    const run = () =>
      askOrOwnDataFolder(path, {
        task: { command: 'user list' },
        ask: () => askRunning(path, 'users.list', { input: { limit: 1 } }),
        onWaiting: (text) => waited.push(text),
        patience: 60_000,
      });
    const server = await own(path);
    const asked = run();
    await expect.poll(() => waited, { timeout: 60_000 }).toHaveLength(1);
    const log = createLog({ level: 'silent' });
    const control = await serveCommands({
      dataFolder: path,
      run: async (name, given) => ({ ok: true, result: { name, was: given.input } }),
      log,
    });
    expect((await asked).answer).toEqual({ ok: true, result: { name: 'users.list', was: { limit: 1 } } });

    await control.close();
    const second = run();
    await expect.poll(() => waited, { timeout: 60_000 }).toHaveLength(2);
    server.release();
    const { folder } = await second;
    expect(folder?.path).toBe(path);
    folder?.release();
  });
});

describe('a data folder is closed to other users', () => {
  const modes = async (folder: string) =>
    Promise.all(
      ['', ...(await readdir(folder, { recursive: true }))].map(
        async (name) => (await stat(join(folder, name))).mode & 0o77,
      ),
    );

  test.each([
    ['is missing', async () => undefined],
    [
      'leads to a database elsewhere that is open',
      async (path: string) => {
        await mkdir(join(around, 'disk'), { mode: 0o755 });
        await writeFile(join(around, 'disk', 'PG_VERSION'), '17', { mode: 0o644 });
        await mkdir(path, { mode: 0o700 });
        await symlink(join(around, 'disk'), join(path, 'database'));
      },
    ],
    ['is empty and open', async (path: string) => mkdir(path, { mode: 0o755 })],
    [
      'is open with all that is in it',
      async (path: string) => {
        await mkdir(join(path, 'database', 'pg_wal'), { recursive: true, mode: 0o755 });
        await writeFile(join(path, 'database', 'pg_wal', '1'), 'hashes', { mode: 0o644 });
        await writeFile(join(path, 'secrets'), 'secret', { mode: 0o664 });
        await chmod(path, 0o2775);
      },
    ],
  ])('when it %s', async (_title, prepare) => {
    const path = join(around, 'd');
    const mask = process.umask(0);
    closing.push(() => process.umask(mask));
    await prepare(path);
    await symlink(path, join(around, 'link'));
    const folder = await own(existsSync(path) ? join(around, 'link') : path);
    process.umask(mask);
    expect(folder.path).toBe(path);
    expect(new Set(await modes(path))).toEqual(new Set([0]));
  });

  test.each([
    ['a file', async (path: string) => writeFile(path, ''), 'which is a file'],
    ['a folder below a file', async (path: string) => symlink('/dev/null/x', path), 'with a file as a parent folder'],
    [
      'what other programs use too',
      async (path: string) => {
        await mkdir(path, { mode: 0o755 });
        await writeFile(join(path, 'letters.txt'), '');
      },
      'Name a folder of its own',
    ],
    [
      'a folder for the temporary files of everybody',
      async (path: string) => {
        await mkdir(join(path, 'database'), { recursive: true });
        await chmod(path, 0o1777);
      },
      'Name a folder of its own',
    ],
    ['a folder of another user', foreignFolder, 'belongs to user'],
    [
      'a folder in which another user has something',
      async (path: string) => {
        await mkdir(path, { mode: 0o755 });
        await foreignFolder(join(path, 'database'));
      },
      'belongs to user',
    ],
    [
      'a path of more bytes than a lock can have',
      async (path: string) => {
        await mkdir(join(around, 'e'.repeat(250), 'f'.repeat(250)), { recursive: true, mode: 0o700 });
        await symlink(join(around, 'e'.repeat(250), 'f'.repeat(250)), path);
      },
      'at most 480 bytes',
    ],
  ])('and %s is refused, with the variable to change, and nothing in it is touched', async (_title, prepare, words) => {
    const path = join(around, 'd');
    await prepare(path);
    const before = await stat(path).then(
      (found) => found.mode,
      () => null,
    );
    await expect(own(path)).rejects.toThrow(ConfigError);
    await expect(own(path)).rejects.toThrow('LATCHKEY_DATA');
    await expect(own(path)).rejects.toThrow(words);
    expect(
      await stat(path).then(
        (found) => found.mode,
        () => null,
      ),
    ).toBe(before);
  });

  /** Root gives one away; other users find that the system's folders are not theirs. */
  async function foreignFolder(path: string): Promise<void> {
    if (process.geteuid?.() !== 0) return symlink('/usr', path);
    await mkdir(path, { mode: 0o700 });
    await chown(path, 54_321, 54_321);
  }
});

describe('a command reaches the server', () => {
  test.each([
    ['by a path with spaces', 'data of mine'],
    ['by a path in other scripts', 'данные-数据-🔑'],
    ['by a path longer than the address of a socket', `${'d'.repeat(149)}`],
    ['by a path of many bytes in few letters', '数'.repeat(70)],
    ['by a path of several long names', join('e'.repeat(200), 'f'.repeat(200))],
  ])('%s', async (_title, name) => {
    const path = join(around, name);
    const { path: dataFolder } = await own(path);
    expect(await askRunning(dataFolder, 'x', {})).toBeNull();
    const control = await serveCommands({
      dataFolder,
      run: async () => ({ ok: true, result: { users: [] } }),
      log: createLog({ level: 'silent' }),
    });
    closing.push(() => control.close());
    expect((await stat(join(path, 'control.sock'))).mode & 0o777).toBe(0o600);
    expect(await askRunning(path, 'users.list', {})).toEqual({ ok: true, result: { users: [] } });
    expect(await isAnswered(path)).toBe(true);
  });

  test('and the path is refused before anything is in the folder if no socket address can be made', async () => {
    const path = join(around, 'd'.repeat(149));
    await expect(withSocketPath(path, 'control.sock', async () => 1, join(around, 'missing'))).rejects.toThrow(
      /LATCHKEY_DATA.*too long for a socket.*TMPDIR/,
    );
    expect(await withSocketPath(path, 'control.sock', async (short) => short.length, around)).toBeLessThan(103);
    expect(await readdir(around)).toEqual([]);
  });

  test('and learns what it may repeat: a command that was not accepted, never one whose result is lost', async () => {
    const path = join(around, 'd');
    await mkdir(path, { mode: 0o700 });
    const server = createServer((socket) => socket.destroy()).listen(join(path, 'control.sock'));
    await once(server, 'listening');
    expect(await askRunning(path, 'users.create', {})).toBeNull();
    server.removeAllListeners('connection');
    server.on('connection', (socket) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      let text = '';
      socket.on('data', (chunk) => {
        text += String(chunk);
        if (text.includes('users.create')) socket.destroy();
      });
      socket.on('error', () => undefined);
    });
    await expect(askRunning(path, 'users.create', {})).rejects.toThrow('not known whether it was done');
    server.close();
  });
});
