/** Processes of the product, as an operator starts them, on nothing but the given variables. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { testSecrets } from './app.ts';

const door = join(import.meta.dirname, '../../bin/latchkey.mjs');

export type Ended = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string };
export type Running = {
  child: ChildProcess;
  output(): { stdout: string; stderr: string };
  isRunning(): boolean;
  ended: Promise<Ended>;
  /** Until it has printed this. Throws when it ends first. */
  says(words: RegExp | string): Promise<void>;
};

export function launch(words: readonly string[], env: Readonly<Record<string, string>>): Running {
  const child = spawn(process.execPath, [door, ...words], {
    env: { PATH: process.env['PATH'] ?? '', LATCHKEY_SECRETS: testSecrets, LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk) => {
      said[name] += String(chunk);
      child.emit('said');
    });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...said }));
  return {
    child,
    output: () => said,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    ended,
    says: (words) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!`${said.stdout}${said.stderr}`.match(words)) return;
          child.off('said', look);
          resolve();
        };
        child.on('said', look);
        look();
        void ended.then(({ stdout, stderr }) => reject(new Error(`ended before it said ${words}: ${stdout}${stderr}`)));
      }),
  };
}

/** Ends what a test has left running. */
export async function endAll(running: Running[]): Promise<void> {
  for (const one of running.splice(0)) {
    if (one.isRunning()) one.child.kill('SIGKILL');
    await one.ended;
  }
}
