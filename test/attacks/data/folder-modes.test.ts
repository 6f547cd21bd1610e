/** CWE-732: another user of the machine reads what the product writes, because a folder or a file was open to everybody. */
import { chmod, lstat, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, prepareDataFolder } from '../../support/app.ts';
import { endAll, launch, type Running } from '../../support/processes.ts';

let around: string;
const running: Running[] = [];
beforeAll(async () => {
  around = await mkdtemp(join(tmpdir(), 'latchkey-modes-'));
});
afterAll(async () => {
  await endAll(running);
  await rm(around, { recursive: true, force: true });
});

/** As from a shell whose umask forbids nothing. */
function runOpenly(words: readonly string[], env: Record<string, string>): Running {
  const mask = process.umask(0);
  try {
    const one = launch(words, env);
    running.push(one);
    return one;
  } finally {
    process.umask(mask);
  }
}

/** Every file and folder that others may read, write or enter. */
async function openTo(others: string): Promise<string[]> {
  const all = ['', ...(await readdir(others, { recursive: true }))];
  const found = await Promise.all(
    all.map(async (name) => [name, (await lstat(join(others, name))).mode & 0o077] as const),
  );
  return found.filter(([, mode]) => mode !== 0).map(([name, mode]) => `${name} ${mode.toString(8)}`);
}

test('other users of the machine cannot read the data folder, a report or an export, with any umask and earlier mode', async () => {
  const folder = join(around, 'data');
  await prepareDataFolder(folder);
  for (const name of ['', ...(await readdir(folder, { recursive: true }))])
    await chmod(join(folder, name), (await lstat(join(folder, name))).isDirectory() ? 0o755 : 0o644);
  const env = { LATCHKEY_DATA: folder, LOG_LEVEL: 'warn' };

  const server = runOpenly(['serve'], { ...env, PORT: String(await freePort()) });
  await server.says('Latchkey is ready');
  const people = join(around, 'people.csv');
  const report = join(around, 'report.jsonl');
  await writeFile(people, 'email\nada@example.com\n');
  await writeFile(report, 'an older report', { mode: 0o644 });
  const answers = [
    await runOpenly(['user', 'import', people, '--report', report], env).ended,
    await runOpenly(['user', 'import', people, '--report', `${report}.new`], env).ended,
    await runOpenly(['user', 'export', '--output', join(around, 'export.jsonl')], env).ended,
  ];
  expect(answers.at(-1)).toMatchObject({ code: 0, stderr: '' });
  expect(await openTo(folder)).toEqual([]);
  await rm(people);
  expect(await openTo(around)).toEqual([]);

  server.child.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0 });
  // The folder as a command leaves it that has no server to ask.
  expect(await runOpenly(['user', 'list'], env).ended).toMatchObject({ code: 0, stderr: '' });
  expect(await openTo(folder)).toEqual([]);
});
