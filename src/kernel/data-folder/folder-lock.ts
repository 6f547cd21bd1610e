/**
 * The exclusive lock of a data folder. The kernel holds it (SQLite's lock on an empty file) and takes it back when the owner
 * ends, however it ends: so no lock is ever stale, whatever became of the owner's pid, its container or the clock.
 * `owner.json` next to it is for users: it says who has the lock, and decides nothing.
 */
import { chmodSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { systemClock } from '../clock.ts';
import { ConfigError } from '../config.ts';
import { folderMend, whyUnwritable } from '../log/mend.ts';
import { randomSecret } from '../crypto.ts';

/** The task of the owner of a folder: `serve`, or the name of a command. */
export type Task = { command: string; address?: string | undefined };

const ownerSchema = z.object({
  pid: z.number().int(),
  host: z.string().max(300),
  command: z.string().max(100),
  address: z.string().max(300).optional(),
  since: z.string().max(40),
});
export type Owner = z.infer<typeof ownerSchema>;

type FolderLock = {
  /** Says who has it now. */
  sign(task: Task): void;
  release(): void;
};

const BUSY = 5;
const NOT_A_DATABASE = 26;

/** Null when another process has the lock, or another part of this one. */
export function tryLock(folder: string): FolderLock | null {
  const path = join(folder, 'owner.lock');
  const lock = lockFile(path, () => truncateSync(path));
  let isSigned = false;
  return (
    lock && {
      sign(task) {
        sign(folder, task);
        isSigned = true;
      },
      release() {
        if (!lock.isOpen) return;
        if (isSigned) rmSync(join(folder, 'owner.json'), { force: true });
        lock.close();
      },
    }
  );
}

function lockFile(path: string, mend?: () => void): DatabaseSync | null {
  let file: DatabaseSync | undefined;
  try {
    file = new DatabaseSync(path);
    chmodSync(path, 0o600);
    // Nothing is ever written: there is no journal next to the file.
    file.exec('pragma journal_mode = memory; begin exclusive');
    return file;
  } catch (cause) {
    file?.close();
    const { errcode } = cause as { errcode?: number };
    if (errcode === BUSY) return null;
    // Bytes that SQLite did not write. No process can hold the lock of such a file, and emptying it twice does no harm.
    if (errcode === NOT_A_DATABASE && mend) {
      mend();
      return lockFile(path);
    }
    const unwritable = whyUnwritable(dirname(path));
    if (unwritable !== undefined) throw new ConfigError(folderMend(unwritable, dirname(path)), { cause });
    throw new ConfigError(
      `LATCHKEY_DATA: ${path} cannot be locked (${cause instanceof Error ? cause.message : String(cause)}). Use a folder that this user may write to, on a file system with locks.`,
      { cause },
    );
  }
}

function sign(folder: string, { command, address }: Task): void {
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    command,
    ...(address === undefined ? {} : { address }),
    since: systemClock.now().toISOString(),
  };
  const draft = join(folder, `owner.json.${randomSecret(9)}`);
  writeFileSync(draft, `${JSON.stringify(owner)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(draft, join(folder, 'owner.json'));
}

/** Null when there is no note, or an incomplete one. */
export function readOwner(folder: string): Owner | null {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8')));
  } catch {
    return null;
  }
}

/** Describes the owner of the data folder for messages: process, host, command, address and start time. */
export function describeOwner(owner: Owner | null): string {
  if (!owner) return 'another process';
  const { pid, host, command, address, since } = owner;
  return `process ${pid} on ${host} (latchkey ${command.replaceAll('.', ' ')}${address === undefined ? '' : ` at ${address}`}, since ${since})`;
}
