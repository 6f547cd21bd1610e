/** The command line in this process: the program behind the door, whose start takes a second of processor time. */
import { Writable } from 'node:stream';
import { runCommandLine } from '../../src/main/cli-program.ts';
import type { OpenApp } from '../../src/main/cli-run.ts';

export type CommandEnded = { code: number; stdout: string; stderr: string };

/** Runs one command on nothing but the given variables. `openApp`: instead of the product that it would open. */
export async function runWords(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  openApp?: OpenApp,
): Promise<CommandEnded> {
  const ended = { code: 0, stdout: '', stderr: '' };
  const into = (stream: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        ended[stream] += String(chunk);
        done();
      },
    });
  const terminal = { stdout: into('stdout'), stderr: into('stderr') };
  ended.code = await runCommandLine(words, { terminal, env, ...(openApp ? { openApp } : {}) });
  return ended;
}
