/** Programs of a run: started with nothing but the given variables, waited for until they answer, ended together. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export type Program = { name: string; child: ChildProcess; output(): string };
type Start = { name: string; command: string; args: readonly string[]; env: Record<string, string>; cwd?: string };

const KEPT_OUTPUT = 20_000;
/** Other parts of a run may have the processors: a program that runs and is slow is no fault. */
const STARTS_WITHIN_MS = 300_000;
const running: Program[] = [];

/** Starts a program in a group of its own. */
export function start({ name, command, args, env, cwd }: Start): Program {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...(cwd ? { cwd } : {}),
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => (said = `${said}${String(chunk)}`.slice(-KEPT_OUTPUT)));
  child.on('error', (error) => (said += String(error)));
  const program = { name, child, output: () => said };
  running.push(program);
  return program;
}

/** Until the address answers anything but an error of its server. Throws when the program ends first. */
export async function answers(program: Program, url: string): Promise<void> {
  for (const end = performance.now() + STARTS_WITHIN_MS; performance.now() < end; await pause(100)) {
    const { exitCode, signalCode, pid } = program.child;
    if (pid === undefined) throw new Error(`${program.name} is not there: test/interop/install.sh installs it`);
    if (exitCode !== null || signalCode !== null)
      throw new Error(`${program.name} does not run: ${program.output().slice(-600)}`);
    const answer = await fetch(url, { redirect: 'manual' }).catch(() => null);
    if (answer && answer.status < 500) return;
  }
  throw new Error(`${program.name} does not answer: ${program.output().slice(-600)}`);
}

/** Runs a command to its end and returns what it printed. Throws when it fails. */
export async function outputOf(given: Start): Promise<string> {
  const { child, name } = start(given);
  let out = '';
  let complaint = '';
  child.stdout?.on('data', (chunk) => (out += String(chunk)));
  child.stderr?.on('data', (chunk) => (complaint += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${name}: ${complaint || out}`);
  return out;
}

/** Ends a program, with its children. */
export async function end({ child }: Program): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  process.kill(-child.pid, 'SIGTERM');
  const isEnded = await Promise.race([ended.then(() => true), pause(5000, false, { ref: false })]);
  if (!isEnded) process.kill(-child.pid, 'SIGKILL');
}

/** Ends every program that still runs. */
export async function endPrograms(): Promise<void> {
  await Promise.all(running.splice(0).map(end));
}

/** A port of this machine that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => void server.close(closed));
  return port;
}
