/**
 * The data folder holds secrets and everything about users, so other users of the machine must not look inside (CWE-732).
 * A folder that is open is closed, with everything in it; one that cannot be closed stops the start.
 */
import type { Stats } from 'node:fs';
import { chmod, lstat, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../config.ts';
import { folderMend, whyUnwritable } from '../log/mend.ts';
import { LONGEST_FOLDER_PATH } from './limits.ts';

const OWNER_ONLY = 0o700;
const OTHERS = 0o077;
const STICKY = 0o1000;

/** A folder that is ours by what is in it may be closed; another program's folder is left as it is. */
const ourEntries: ReadonlySet<string> = new Set([
  'database',
  'database.unfinished',
  'PG_VERSION',
  'secrets',
  'control.sock',
  'owner.lock',
]);

/** Makes the folder where it is missing, closes it to other users, and answers with its real path. */
export async function makePrivate(path: string): Promise<string> {
  const real = await closeFolder(path);
  // The database may be elsewhere by a link, on a larger disk for instance.
  const database = join(real, 'database');
  const found = await lstat(database).catch(() => null);
  if (found?.isSymbolicLink()) await closeFolder(database);
  return real;
}

async function closeFolder(path: string): Promise<string> {
  const real = await createFolder(path);
  if (Buffer.byteLength(real) > LONGEST_FOLDER_PATH)
    throw new ConfigError(`LATCHKEY_DATA must be a path of at most ${LONGEST_FOLDER_PATH} bytes: ${path} is too long.`);
  const found = await stat(real);
  if (!found.isDirectory()) throw new ConfigError(`LATCHKEY_DATA must name a folder, but ${path} is a file.`);
  requireOwn(path, found);
  if ((found.mode & OTHERS) === 0) return real;

  const entries = await readdir(real);
  await visitEntries(real, (_file, entry) => requireOwn(path, entry));
  if ((found.mode & STICKY) !== 0 || (entries.length > 0 && !entries.some((entry) => ourEntries.has(entry))))
    throw new ConfigError(
      `LATCHKEY_DATA names ${path}, which other users can open and which other programs use. Name a folder of its own.`,
    );
  await chmod(real, OWNER_ONLY);
  if (((await stat(real)).mode & OTHERS) !== 0)
    throw new ConfigError(
      `LATCHKEY_DATA names ${path}, which other users can open, and its file system keeps no access modes. Name a folder on another one.`,
    );
  // Files written while the folder was open may be open too, and would be open again in a copy of the folder.
  await visitEntries(real, async (file, entry) => {
    requireOwn(path, entry);
    if ((entry.mode & OTHERS) !== 0) await chmod(file, entry.mode & ~OTHERS & 0o7777);
  });
  return real;
}

async function createFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true, mode: OWNER_ONLY });
    return await realpath(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    // Node says ENOENT of a folder that a read-only file system does not let it make.
    throw new ConfigError(folderMend(code === 'ENOENT' ? (whyUnwritable(path) ?? code) : code, path), { cause });
  }
}

function requireOwn(path: string, { uid }: Stats): void {
  const own = process.geteuid?.();
  if (own !== undefined && uid !== own)
    throw new ConfigError(
      `LATCHKEY_DATA names ${path}, where something belongs to user ${uid}, but this process runs as user ${own}. Run it as that user, or give the folder and what is in it to user ${own} (chown -R).`,
    );
}

/** Links are left out: what they lead to is elsewhere. */
async function visitEntries(
  folder: string,
  visit: (file: string, entry: Stats) => void | Promise<void>,
): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    const file = join(folder, name);
    const entry = await lstat(file);
    if (!entry.isSymbolicLink()) await visit(file, entry);
  }
}
