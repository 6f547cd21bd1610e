#!/usr/bin/env node
// The door of the command line. Plain JavaScript for any Node from 18 on: it makes sure that the dependencies are there
// and hands over to the Node that the project pins, with the same arguments, terminal, signals and exit code.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { ensureInstalled, pinnedNode } from './install.mjs';

/** Of the program. `engines` in package.json names the oldest of this door, because that is the Node that npm compares. */
const OLDEST_NODE = 24;

function isRightNode() {
  const pinned = pinnedNode();
  if (existsSync(pinned)) return realpathSync(pinned) === realpathSync(process.execPath);
  return Number(process.versions.node.split('.')[0]) >= OLDEST_NODE;
}

/** Halves the time to load the program. Below node_modules no other user can write, unlike in the default, a temporary folder. */
function cacheCompiledCode() {
  const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules', '.cache', 'latchkey');
  process.env.NODE_COMPILE_CACHE ??= folder; // for worker processes
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
}

/**
 * V8 doubles the space for new objects whenever many of them live on. Nearly all that is loaded at start does, so that space
 * would grow to its limit and stay there: some 45 MB in a process that does nothing. It may grow once serving has begun.
 */
function keepYoungSpaceSmall() {
  setFlagsFromString('--semi-space-growth-factor=1');
}

function handOver() {
  const child = spawn(pinnedNode(), [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // A terminal sends its interrupt to the whole process group, the child included.
  if (process.stdin.isTTY) process.on('SIGINT', () => {});
  else process.on('SIGINT', () => child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) process.on(signal, () => child.kill(signal));

  child.on('error', (error) => {
    process.stderr.write(`latchkey: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (!ensureInstalled()) {
  process.exitCode = 1;
} else if (isRightNode()) {
  cacheCompiledCode();
  keepYoungSpaceSmall();
  await import('../src/main/cli.ts');
} else if (existsSync(pinnedNode())) {
  handOver();
} else {
  process.stderr.write(`latchkey: Node ${OLDEST_NODE} or newer is needed, this is ${process.versions.node}.\n`);
  process.exitCode = 1;
}
