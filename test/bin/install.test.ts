import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const { staleness } = (await import(join(root, 'bin/install.mjs'))) as {
  staleness(folder: string, options?: { tools?: boolean }): string | null;
};

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

type Packages = Record<string, { version: string; integrity?: string; dev?: boolean; optional?: boolean }>;
const files = { 'node_modules/node/bin/node': '', 'node_modules/node/bin/node.exe': '' };

function project(content: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-install-'));
  folders.push(folder);
  for (const [path, text] of Object.entries(content)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const lockOf = (packages: Packages): string => JSON.stringify({ packages: { '': { version: '1.0.0' }, ...packages } });
const locked: Packages = {
  'node_modules/koa': { version: '3.0.0', integrity: 'sha512-a' },
  'node_modules/vitest': { version: '5.0.0', integrity: 'sha512-b', dev: true },
  'node_modules/only-on-a-mac': { version: '1.0.0', integrity: 'sha512-c', dev: true, optional: true },
};
const koa = locked['node_modules/koa']!;
const vitest = locked['node_modules/vitest']!;

test('npm prints no warning for any Node that the start accepts', () => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
  const [, oldest] = /You need only Node (\d+) or newer/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  expect(engines.node).toBe(`>=${oldest}`);
});

describe('the check whether to install', () => {
  const cases: readonly (readonly [string, Packages | null, string | null, string | null])[] = [
    ['nothing is installed, or an installation was interrupted', null, 'not installed', 'not installed'],
    [
      'all is installed but what is for another platform',
      { 'node_modules/koa': koa, 'node_modules/vitest': vitest },
      null,
      null,
    ],
    ['a start left the tools of development out', { 'node_modules/koa': koa }, null, 'node_modules/vitest'],
    ['a package is missing', { 'node_modules/vitest': vitest }, 'node_modules/koa', 'node_modules/koa'],
    [
      'a package has another version',
      { 'node_modules/koa': { ...koa, version: '3.0.1' }, 'node_modules/vitest': vitest },
      'node_modules/koa',
      'node_modules/koa',
    ],
    [
      'a tool of development has another content',
      { 'node_modules/koa': koa, 'node_modules/vitest': { ...vitest, integrity: 'sha512-x' } },
      null,
      'node_modules/vitest',
    ],
  ];
  test.each(cases)('when %s', (_title, installed, toStart, toTest) => {
    const hidden = installed === null ? {} : { 'node_modules/.package-lock.json': lockOf(installed) };
    const folder = project({ ...files, 'package-lock.json': lockOf(locked), ...hidden });
    expect([staleness(folder), staleness(folder, { tools: true })]).toEqual([toStart, toTest]);
  });

  test('says no without a lock file: another program installed the package', () => {
    expect(staleness(project({}))).toBeNull();
  });
});

test('package-lock.json has an entry for each optional package, so that npm ci accepts it on every platform', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const isFound = (from: string, name: string): boolean => {
    if (packages[`${from === '' ? '' : `${from}/`}node_modules/${name}`] !== undefined) return true;
    return from !== '' && isFound(from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name);
  };
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isFound(path, name)),
  );
  expect(missing).toEqual([]);
});

/** A project whose pinned Node is another file than the one that runs this test, and whose program is `source`. */
function pinnedProject(source: string): string {
  const folder = project({ 'node_modules/node/package.json': '{}', 'src/main/cli.ts': source });
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  const pinned = join(folder, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
  mkdirSync(join(pinned, '..'), { recursive: true });
  try {
    linkSync(process.execPath, pinned);
  } catch {
    copyFileSync(process.execPath, pinned);
  }
  return folder;
}

/** Runs bin/latchkey.mjs on the Node of this test; `onLine` sees each piece of output with the process. */
async function run(
  folder: string,
  args: readonly string[],
  onOutput?: (kill: (signal: NodeJS.Signals) => void) => void,
) {
  const child = spawn(process.execPath, [join(folder, 'bin/latchkey.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stderr.on('data', (data: Buffer) => (out += data.toString()));
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString();
    onOutput?.((signal) => child.kill(signal));
  });
  return new Promise<{ out: string; code: number | null; signal: NodeJS.Signals | null }>((done) => {
    child.on('close', (code, signal) => done({ out, code, signal }));
  });
}

describe('starting the pinned Node', () => {
  test('keeps the arguments and the exit code, and runs the pinned binary', async () => {
    const folder = pinnedProject(
      'process.stdout.write(JSON.stringify([process.execPath, ...process.argv.slice(2)])); process.exitCode = 2;',
    );
    const { out, code } = await run(folder, ['client', 'create', '--name', 'two words']);
    const [binary, ...args] = JSON.parse(out) as string[];
    expect(binary).toContain(folder);
    expect(args).toEqual(['client', 'create', '--name', 'two words']);
    expect(code).toBe(2);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'passes %s on and waits for the program to end',
    async (signal) => {
      const folder = pinnedProject(
        `process.on('${signal}', () => setTimeout(() => { process.stdout.write('ended'); process.exit(0); }, 50));
       setInterval(() => {}, 1000); process.stdout.write('ready');`,
      );
      let isSent = false;
      const { out, code } = await run(folder, [], (kill) => {
        if (!isSent) kill(signal);
        isSent = true;
      });
      expect({ out, code }).toEqual({ out: 'readyended', code: 0 });
    },
  );

  test('ends with the signal that ended its program', async () => {
    const folder = pinnedProject(`process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);`);
    expect(await run(folder, [])).toMatchObject({ code: null, signal: 'SIGKILL' });
  });
});

describe('installation', () => {
  const fakeNpm = (body: string) => ({
    'package-lock.json': lockOf({ 'node_modules/koa': koa }),
    ...files,
    'npm-cli.js': `const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');\nappendFileSync('runs', 'x');\nwriteFileSync('arguments', process.argv.slice(2).join(' '));\n${body}`,
  });
  const installs = `mkdirSync('node_modules', { recursive: true });
    setTimeout(() => writeFileSync('node_modules/.package-lock.json', require('node:fs').readFileSync('package-lock.json')), 300);
    console.warn('npm warn EBADENGINE a wall of warnings');`;

  function install(folder: string, script = 'install.mjs'): Promise<{ out: string; code: number | null }> {
    cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
    const child = spawn(process.execPath, [join(folder, 'bin', script)], {
      cwd: folder,
      env: { ...process.env, npm_execpath: join(folder, 'npm-cli.js') },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let out = '';
    child.stderr.on('data', (data: Buffer) => (out += data.toString()));
    return new Promise((done) => {
      child.on('close', (code) => done({ out, code }));
    });
  }

  test('runs once for two processes at once, and the second continues when the first is done', async () => {
    const folder = project(fakeNpm(installs));
    const both = await Promise.all([install(folder), install(folder)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('x');
  });

  test('prints one line and no npm warnings', async () => {
    const { out } = await install(project(fakeNpm(installs)));
    expect(out).toMatch(/^Installing the locked dependencies .*done in \d+ s\.\n$/);
  });

  test.each([
    ['a start', 'latchkey.mjs', '--omit=dev'],
    ['npm test', 'install.mjs', '--include=dev'],
  ])('for %s', async (_what, script, option) => {
    const folder = project(fakeNpm(installs));
    await install(folder, script);
    expect(readFileSync(join(folder, 'arguments'), 'utf8').split(' ')).toContain(option);
  });

  test('prints npm’s output when it failed, and fails', async () => {
    const { out, code } = await install(
      project(fakeNpm(`console.error('npm error the registry is asleep'); process.exit(1);`)),
    );
    expect(out).toContain('npm error the registry is asleep');
    expect(code).toBe(1);
  });

  test('takes over from an installation whose process died', async () => {
    const folder = project({ ...fakeNpm(installs), '.install.lock': '999999999' });
    expect((await install(folder)).code).toBe(0);
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('x');
  });
});
