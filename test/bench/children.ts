/** Processes that the bench starts, and ends again whatever happens. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const started = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});

function watched(child: ChildProcess): ChildProcess {
  started.add(child);
  child.once('exit', () => started.delete(child));
  return child;
}

/** A file of this folder in a process of its own that talks by messages. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit').then(() => Promise.reject(new Error('a process of the bench ended too early')));
    this.#ended.catch(() => undefined);
  }

  static async start<First>(file: string, env: Record<string, string> = {}): Promise<{ worker: Worker; first: First }> {
    const child = watched(
      fork(join(import.meta.dirname, file), {
        env: { ...process.env, NODE_ENV: 'production', ...env },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      }),
    );
    const worker = new Worker(child);
    return { worker, first: await worker.#next<First>() };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ask<T>(question: object): Promise<T> {
    this.#child.send(question);
    return this.#next<T>();
  }

  async #next<T>(): Promise<T> {
    const [message] = (await Promise.race([once(this.#child, 'message'), this.#ended])) as [{ error?: string } & T];
    if (message.error !== undefined) throw new Error(message.error);
    return message;
  }

  async stop(): Promise<void> {
    await stop(this.#child, 'SIGKILL');
  }
}

export function run(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; stdout?: number; cwd?: string } = {},
): ChildProcess {
  const { stdout = 'ignore' } = options;
  return watched(
    spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', stdout, stdout === 'ignore' ? 'ignore' : stdout],
    }),
  );
}

export async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

/** Until `/readyz` says 200. */
export async function untilReady(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const status = await new Promise<number>((resolve) => {
      get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, (res) => {
        res.resume();
        resolve(res.statusCode ?? 0);
      }).on('error', () => resolve(0));
    });
    if (status === 200) return;
    await delay(5);
  }
  throw new Error('the product ended before it was ready');
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Resident memory in MiB (Linux). */
export function residentMemory(pid: number): number {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

/** Processor time that a process has had (Linux, which counts it in hundredths of a second). */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
