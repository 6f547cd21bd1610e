import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, type Config } from './config.ts';
import { createKeyRing, randomSecret, type KeyRing } from './crypto.ts';

const FILE = 'secrets';
const OWNER_ONLY = 0o600;

/**
 * The key ring: `LATCHKEY_SECRETS`, or the file `secrets` of the data folder, one secret a line, the first encrypts.
 * With the embedded database the file is made once, also when two processes start together.
 * Throws `ConfigError` when there is nothing to open old texts with.
 */
export async function loadKeyRing(config: Pick<Config, 'secrets' | 'dataFolder' | 'embedded'>): Promise<KeyRing> {
  if (config.secrets) return createKeyRing(config.secrets);
  if (!config.embedded)
    throw new ConfigError('LATCHKEY_SECRETS is required with DATABASE_URL. Make one with: openssl rand -base64 32');
  const path = join(config.dataFolder, FILE);
  const text = (await readIfThere(path)) ?? (await createOnce(config.dataFolder, path));
  // A copied or restored folder may have lost the mode.
  await chmod(path, OWNER_ONLY);
  const secrets = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  try {
    return createKeyRing(secrets);
  } catch (cause) {
    throw new ConfigError(
      `${path} holds no usable secrets. Restore it from a backup: without it nothing that is encrypted can be read.`,
      { cause },
    );
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A finished file is put in place by `link`, which fails when another process was first; then the other's counts. */
async function createOnce(folder: string, path: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = join(folder, `${FILE}.${randomSecret(9)}`);
  await writeFile(draft, `${randomSecret()}\n`, { mode: OWNER_ONLY, flag: 'wx', flush: true });
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(path, 'utf8');
}
