// Makes sure that node_modules holds what package-lock.json says, and says so in one line: what the program needs to run, and, as
// a script (before npm test), the tools of development as well.
// Plain JavaScript without dependencies: it runs on whatever Node (18 or newer) is on the path, before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** A process that has installed for longer than this was suspended or forgotten. */
const LONGEST_INSTALL_MS = 15 * 60 * 1000;
const POLL_MS = 200;

/** The Node of the project, once it is installed. */
export function pinnedNode(folder = root) {
  return join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** @returns {Record<string, { version?: string, integrity?: string, dev?: boolean, optional?: boolean, link?: boolean }>} */
function packagesOf(lockFile) {
  const { packages = {} } = JSON.parse(readFileSync(lockFile, 'utf8'));
  delete packages[''];
  return packages;
}

/** @param {Record<string, { dev?: boolean }>} packages */
const holdsTools = (packages) => Object.values(packages).some((entry) => entry.dev);

/**
 * Why `npm ci` is needed, or null when what is installed is what is locked; without `tools` the ones of development do not count.
 * npm writes node_modules/.package-lock.json as the last act of an installation, so an interrupted one leaves none.
 */
export function staleness(folder = root, { tools = false } = {}) {
  const locked = join(folder, 'package-lock.json');
  const installed = join(folder, 'node_modules', '.package-lock.json');
  // A package that was itself installed by npm carries no lock file; its dependencies are its owner's business.
  if (!existsSync(locked)) return null;
  if (!existsSync(installed)) return 'not installed';
  const have = packagesOf(installed);
  for (const [path, want] of Object.entries(packagesOf(locked))) {
    const entry = have[path];
    if (want.dev && !tools) continue;
    // Optional packages are for other platforms.
    if (entry === undefined && (want.optional || want.peer)) continue;
    if (entry === undefined || entry.version !== want.version) return path;
    if (want.integrity !== undefined && entry.integrity !== want.integrity) return path;
  }
  return existsSync(pinnedNode(folder)) ? null : 'node';
}

/** A start leaves the tools where they are. */
function hasTools(folder) {
  const installed = join(folder, 'node_modules', '.package-lock.json');
  return existsSync(installed) && holdsTools(packagesOf(installed));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Creates the lock file, or returns false when another living process holds it. */
function takeLock(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    const holder = readFileSync(lock, 'utf8');
    const age = Date.now() - statSync(lock).mtimeMs;
    // An empty file is one between its creation and its first write.
    if (age < LONGEST_INSTALL_MS && (holder === '' || isAlive(Number(holder)))) return false;
    // The holder died. Two waiters may see that at once: a process that moved a fresh lock away by mistake puts it back.
    const grave = `${lock}.${process.pid}`;
    renameSync(lock, grave);
    if (readFileSync(grave, 'utf8') !== holder) linkSync(grave, lock);
    rmSync(grave, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  }
  return false;
}

function sleep(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function runNpm(folder, withTools) {
  // The engine warnings of npm speak of the Node on the path, which is not the one that will run.
  const args = [
    'ci',
    withTools ? '--include=dev' : '--omit=dev',
    '--engine-strict=false',
    '--no-fund',
    '--no-audit',
    '--loglevel=error',
    '--no-progress',
  ];
  const script = process.env.npm_execpath;
  const isNpm = script !== undefined && /npm-cli\.c?js$/.test(script);
  const [command, first] = isNpm
    ? [process.execPath, [script]]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
  return spawnSync(command, [...first, ...args], {
    cwd: folder,
    encoding: 'utf8',
    shell: !isNpm && process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
}

/**
 * Installs the locked dependencies when they are missing or stale; returns whether everything is in place.
 * Talks on standard error alone, so that the output of a command stays clean.
 */
export function ensureInstalled(folder = root, { tools = false } = {}) {
  if (staleness(folder, { tools }) === null) return true;
  const lock = join(folder, '.install.lock');
  while (!takeLock(lock)) sleep(POLL_MS);
  try {
    if (staleness(folder, { tools }) === null) return true;
    const started = Date.now();
    process.stderr.write('Installing the locked dependencies (once, about a minute) ... ');
    const { status, stdout, stderr, error } = runNpm(folder, tools || hasTools(folder));
    if (status === 0) {
      process.stderr.write(`done in ${Math.round((Date.now() - started) / 1000)} s.\n`);
      return true;
    }
    process.stderr.write(
      `failed.\n${error ? `npm could not be started: ${error.message}\n` : `${stdout ?? ''}${stderr ?? ''}`}`,
    );
    return false;
  } finally {
    rmSync(lock, { force: true });
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = ensureInstalled(root, { tools: true }) ? 0 : 1;
}
