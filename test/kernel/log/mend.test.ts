/** The message for the operator when a start or a command fails: the variable and the fix, and no secret. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databaseMend, failureOfFolder, folderMend, listenMend } from '#kernel/log/mend.ts';
import { freePort, testSecrets } from '../../support/app.ts';

const failed = (code: string, message = 'it failed', more: object = {}) =>
  Object.assign(new Error(message), { code, ...more });

describe('a failed connection to PostgreSQL', () => {
  test.each([
    ['ECONNREFUSED', /refuses connections\. .*DATABASE_URL/],
    ['ENOTFOUND', /no name service knows.*DATABASE_URL/],
    ['EAI_AGAIN', /name service.*DATABASE_URL/],
    ['ETIMEDOUT', /firewall.*DATABASE_URL/],
    ['28P01', /password.*DATABASE_URL/],
    ['28000', /pg_hba\.conf/],
    ['3D000', /no such database.*DATABASE_URL/],
    ['53300', /DATABASE_POOL/],
    ['57P03', /starting or stopping/],
    ['25006', /standby.*DATABASE_URL/],
    ['XX999', /cannot be reached.*DATABASE_URL/],
  ])('with %s is reported as %s', (code, words) => {
    for (const error of [failed(code), new Error('outer', { cause: failed(code) }), new AggregateError([failed(code)])])
      expect(databaseMend(error, 'db:5432')).toMatch(words);
  });

  test.each([
    ['Connection terminated due to connection timeout', /in time.*DATABASE_CONNECT_SECONDS/],
    ['timeout exceeded when trying to connect', /DATABASE_POOL/],
    ['The server does not support SSL connections', /sslmode.*DATABASE_URL/],
    ['self-signed certificate', /sslrootcert.*DATABASE_URL/],
  ])('with the words %j is reported as %s', (message, words) => {
    expect(databaseMend(new Error(message), 'db:5432')).toMatch(words);
  });
});

describe('the data folder', () => {
  const config = { embedded: true, dataFolder: '/nowhere/latchkey' };

  test.each(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'EIO', 'EMFILE'])(
    'that fails with %s is named, with the code and the fix',
    (code) => {
      const text = failureOfFolder(failed(code, 'x', { path: '/nowhere/latchkey/secrets' }), config);
      expect(text).toBe(folderMend(code, config.dataFolder));
      expect(text).toMatch(new RegExp(`^LATCHKEY_DATA names /nowhere/latchkey, .*\\. .*\\(${code}\\)$`));
    },
  );

  test.each([
    [51, 'ENOSPC'],
    [69, 'EROFS'],
    [2, 'EACCES'],
    [22, 'EFBIG'],
  ])('is named for the errno %d of the embedded database, which is %s', (errno, code) => {
    expect(failureOfFolder({ name: 'ErrnoError', errno }, config)).toBe(folderMend(code, config.dataFolder));
  });

  test('is not blamed for errors elsewhere', () => {
    expect(failureOfFolder(failed('ENOENT', 'x', { path: '/people.csv' }), config)).toBeUndefined();
    expect(failureOfFolder(failed('ENOSPC'), { ...config, embedded: false })).toBeUndefined();
    expect(failureOfFolder(new TypeError('x is not a function'), config)).toBeUndefined();
  });

  test('that is writable while the database ends without a word contains a damaged database', async () => {
    const dataFolder = await mkdtemp(join(tmpdir(), 'latchkey-mend-'));
    const text = failureOfFolder(Object.assign(new Error('Aborted()'), { name: 'RuntimeError' }), {
      embedded: true,
      dataFolder,
    });
    expect(text).toMatch(/^LATCHKEY_DATA names .* cannot be opened\. Restore a backup/);
    await rm(dataFolder, { recursive: true });
  });
});

test.each([
  ['EADDRINUSE', 'METRICS_PORT 9 of 127.0.0.1 is taken by another program. Set METRICS_PORT to a free one.'],
  ['EACCES', 'METRICS_PORT 9 may not be taken by this user. Set METRICS_PORT to one above 1023.'],
])('a port that is refused with %s is reported with its variable', (code, text) => {
  expect(listenMend(failed(code), { port: 9, host: '127.0.0.1', variable: 'METRICS_PORT' })).toBe(text);
});

/** A few of them with a process of its own. */
describe('latchkey', () => {
  let folder: string;
  let taken: Server;
  let port: number;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-mend-'));
    await writeFile(join(folder, 'file'), '');
    port = await freePort();
    taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(port, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    taken.close();
    await rm(folder, { recursive: true });
  });

  const server = { LATCHKEY_SECRETS: testSecrets, WEB_CONCURRENCY: '1' };
  const cli = join(import.meta.dirname, '../../../src/main/cli.ts');
  const run = (words: string[], env: Record<string, string>, limit = '') =>
    new Promise<{ code: number; stderr: string }>((resolve) => {
      const program = [process.execPath, ...words].map((word) => `'${word}'`).join(' ');
      execFile(
        'sh',
        ['-c', `${limit} exec ${program}`],
        { env: { PATH: process.env['PATH'], ...env } },
        (error, _out, stderr) => resolve({ code: error ? Number(error.code) : 0, stderr }),
      );
    });

  test.each<[string, string[], (folder: string) => Record<string, string>, RegExp]>([
    [
      'whose database refuses',
      ['user', 'list'],
      () => ({ ...server, DATABASE_URL: 'postgres://x:c4n4ry@127.0.0.1:1/x' }),
      /PostgreSQL at 127\.0\.0\.1:1 refuses connections.*DATABASE_URL/,
    ],
    [
      'whose database has an unknown host',
      ['user', 'list'],
      () => ({ ...server, DATABASE_URL: 'postgres://x:c4n4ry@db.invalid/x' }),
      /db\.invalid:5432.*(no name service knows|cannot look up).*DATABASE_URL/,
    ],
    [
      'whose folder is a file',
      ['user', 'list'],
      (at) => ({ LATCHKEY_DATA: join(at, 'file', 'x') }),
      /LATCHKEY_DATA names .*ENOTDIR/,
    ],
    [
      'whose port is taken',
      ['serve'],
      (at) => ({ LATCHKEY_DATA: join(at, 'port'), PORT: String(port) }),
      /PORT \d+ of 127\.0\.0\.1 is taken.*Set PORT/,
    ],
    [
      'whose certificate is missing',
      ['serve'],
      (at) => ({ LATCHKEY_DATA: join(at, 'tls'), TLS_CERT: '/none.pem', TLS_KEY: '/none.pem' }),
      /TLS_CERT names a file that cannot be read/,
    ],
  ])('%s prints the fix, and exits with 1', async (_what, words, env, text) => {
    const ended = await run([cli, ...words], env(folder));
    expect(ended.stderr).toMatch(text);
    expect(ended.stderr).not.toMatch(/c4n4ry|\[object|\n\s+at /);
    expect(ended.code).toBe(1);
  });

  test('reports a full folder, which the embedded database does not report', async () => {
    const words = [join(import.meta.dirname, 'full-folder.ts'), folder];
    const { code, stderr } = await run(words, {}, 'ulimit -f 64;');
    expect([code, stderr.trim()]).toEqual([1, folderMend('EFBIG', folder)]);
  });
});
