import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '#kernel/config.ts';
import { loadKeyRing } from '#kernel/secrets.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-secrets-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const embedded = (dataFolder: string) => ({ secrets: undefined, embedded: true, dataFolder });

test('the first start creates a secret that only the owner may read', async () => {
  await loadKeyRing(embedded(join(folder, 'data')));
  const { mode } = await stat(join(folder, 'data', 'secrets'));
  expect(mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, 'data'))).mode & 0o077).toBe(0);
});

test('the second start decrypts data of the first', async () => {
  const sealed = (await loadKeyRing(embedded(folder))).seal('words', 'place');
  expect((await loadKeyRing(embedded(folder))).open(sealed, 'place')).toBe('words');
});

test('twenty starts at once agree on one secret and leave no draft', async () => {
  const rings = await Promise.all(Array.from({ length: 20 }, () => loadKeyRing(embedded(folder))));
  expect(new Set(rings.map((ring) => ring.deriveKey('probe').export().toString('hex'))).size).toBe(1);
  expect(await readdir(folder)).toEqual(['secrets']);
});

test('a line added on top encrypts and the old one still decrypts', async () => {
  const sealed = (await loadKeyRing(embedded(folder))).seal('words', 'place');
  const path = join(folder, 'secrets');
  await writeFile(path, `a-new-secret-of-at-least-32-bytes\n${await readFile(path, 'utf8')}`);
  const ring = await loadKeyRing(embedded(folder));
  expect(ring.open(sealed, 'place')).toBe('words');
  expect(ring.isCurrent(sealed)).toBe(false);
});

test('a file that others may read is closed to them', async () => {
  await loadKeyRing(embedded(folder));
  await chmod(join(folder, 'secrets'), 0o644);
  await loadKeyRing(embedded(folder));
  expect((await stat(join(folder, 'secrets'))).mode & 0o777).toBe(0o600);
});

test('LATCHKEY_SECRETS is used and nothing is written', async () => {
  await loadKeyRing({ secrets: ['a-given-secret-of-at-least-32-bytes'], embedded: true, dataFolder: folder });
  expect(await readdir(folder)).toEqual([]);
});

test('an emptied file is refused instead of replaced', async () => {
  await writeFile(join(folder, 'secrets'), '\n');
  await expect(loadKeyRing(embedded(folder))).rejects.toThrow(ConfigError);
});

test('PostgreSQL without LATCHKEY_SECRETS is refused', async () => {
  await expect(loadKeyRing({ ...embedded(folder), embedded: false })).rejects.toThrow('LATCHKEY_SECRETS');
});
