/**
 * Rounds of a server, a second server and commands that start at random on one embedded data folder; in one of three
 * rounds the servers are killed. Nothing that was confirmed may be lost, and every loser says what to do.
 * As a program: `node test/main/embedded-rounds.ts 50`, and `… 10 empty` for folders that are made by the first of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, prepareDataFolder } from '../support/app.ts';
import { endAll, type Ended, launch, type Running } from '../support/processes.ts';

export type RoundsResult = {
  rounds: number;
  created: number;
  /** Commands that gave up or lost their server; all of them gave advice. */
  gaveUp: number;
  /** Servers that gave way to another one. */
  gaveWay: number;
  killed: number;
  /** Unexpected results. */
  wrong: string[];
};

const whatToDo = /set LATCHKEY_DATA to another folder|not known whether it was done/;

export async function playRounds(
  rounds: number,
  { isEmpty = false, commands: each = 3, pace = 1, seed = 1, killsEach = 3 } = {},
): Promise<RoundsResult> {
  const around = await mkdtemp(join(tmpdir(), 'latchkey-rounds-'));
  const random = randomFrom(seed);
  const result: RoundsResult = { rounds, created: 0, gaveUp: 0, gaveWay: 0, killed: 0, wrong: [] };
  const running: Running[] = [];
  const confirmed = new Set<string>();
  const unknown = new Set<string>();
  let folder = join(around, 'data');
  const env = (): Record<string, string> => ({ LATCHKEY_DATA: folder, LOG_LEVEL: 'warn' });
  const start = (words: string[], more: Record<string, string> = {}): Running => {
    const one = launch(words, { ...env(), ...more });
    running.push(one);
    return one;
  };

  async function command(email: string): Promise<void> {
    await delay(random() * 3000 * pace);
    const { code, stderr } = await start(['user', 'create', '--email', email, '--json']).ended;
    if (code === 0) {
      confirmed.add(email);
      result.created += 1;
    } else {
      result.gaveUp += 1;
      if (stderr.includes('not known whether')) unknown.add(email);
      if (!whatToDo.test(stderr)) result.wrong.push(`a command: ${stderr}`);
    }
  }

  async function server(): Promise<Running> {
    const port = String(await freePort());
    await delay(random() * 1500 * pace);
    const one = start(['serve'], { PORT: port });
    void one.ended.then((ended) => judge(ended));
    return one;
  }

  function judge({ code, signal, stdout, stderr }: Ended): void {
    if (signal === 'SIGKILL' || code === 0) return;
    result.gaveWay += 1;
    if (!whatToDo.test(stderr)) result.wrong.push(`a server: ${code} ${signal} ${stdout}${stderr}`);
  }

  async function lookAfter(): Promise<void> {
    const { code, stdout, stderr } = await start(['user', 'export']).ended;
    if (code !== 0) return void result.wrong.push(`the folder does not open: ${stderr}`);
    const there = new Set(
      stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { email: string }).email),
    );
    for (const email of confirmed) if (!there.has(email)) result.wrong.push(`lost: ${email}`);
    for (const email of there)
      if (!confirmed.has(email) && !unknown.has(email)) result.wrong.push(`never confirmed: ${email}`);
    const audit = await start(['audit', 'verify', '--json']).ended;
    if (!audit.stdout.includes('"intact": true')) result.wrong.push(`the record: ${audit.stdout}${audit.stderr}`);
  }

  try {
    if (!isEmpty) await prepareDataFolder(folder);
    for (let round = 0; round < rounds; round += 1) {
      if (isEmpty) folder = join(around, `data-${round}`);
      const servers = [server(), server()];
      const commands = Promise.all(Array.from({ length: each }, (_, i) => command(`round-${round}-${i}@example.com`)));
      const [first, second] = await Promise.all(servers);
      if (round % killsEach === killsEach - 1) {
        await delay(random() * 3000 * pace);
        for (const one of [first!, second!]) {
          if (one.isRunning()) result.killed += 1;
          one.child.kill('SIGKILL');
        }
      }
      await commands;
      // One of two servers gives way, or both were killed.
      await Promise.race([first!.ended, second!.ended]);
      for (const one of [first!, second!]) {
        one.child.kill('SIGTERM');
        await one.ended;
      }
      running.length = 0;
      if (isEmpty) {
        await lookAfter();
        confirmed.clear();
        unknown.clear();
        await rm(folder, { recursive: true });
      }
    }
    if (!isEmpty) await lookAfter();
    return result;
  } finally {
    await endAll(running);
    await rm(around, { recursive: true, force: true });
  }
}

/** Mulberry32: the same offsets for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (import.meta.main) {
  const [rounds = '50', kind] = process.argv.slice(2);
  const seed = process.pid;
  const begin = performance.now();
  const result = await playRounds(Number(rounds), { isEmpty: kind === 'empty', seed });
  const seconds = Math.round((performance.now() - begin) / 1000);
  process.stdout.write(`${JSON.stringify({ ...result, seed, seconds }, null, 2)}\n`);
  process.exitCode = result.wrong.length === 0 ? 0 : 1;
}
