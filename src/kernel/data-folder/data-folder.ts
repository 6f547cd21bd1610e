/** The folder of the embedded database has one owner at a time. Whatever opens something in it becomes its owner first. */
import { setTimeout as delay } from 'node:timers/promises';
import { isAnswered } from '../control.ts';
import { describeOwner, type Owner, readOwner, type Task, tryLock } from './folder-lock.ts';
import { makePrivate } from './private-folder.ts';
import { LOOKS_TO_BELIEVE_OWNER, OWNER_LOOK_INTERVAL, OWNER_PATIENCE } from './limits.ts';

export type DataFolder = {
  /** The real path, whatever links lead to it. */
  path: string;
  /** Lets the next process have it. Everything in it must be closed. */
  release(): void;
};

/** Another process has the folder, and goes on having it. */
export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse';
}

type Claim = {
  task: Task;
  /** Called once, when this takes longer than a moment. */
  onWaiting(text: string): void;
  /** Milliseconds. */
  patience?: number;
};

/**
 * For a server: waits for a command that has the folder, and gives way to another server.
 * @throws DataFolderInUse
 */
export async function ownDataFolder(path: string, claim: Claim): Promise<DataFolder> {
  for (const wait = waiting(path, claim); ; await delay(OWNER_LOOK_INTERVAL)) {
    const folder = await tryOwn(path, claim.task);
    if (folder) return folder;
    wait.look({ giveWay: true });
  }
}

/**
 * For a command: the answer of the server that has the folder, or the folder itself. Waits for a server that starts or stops
 * and for other commands.
 * @throws DataFolderInUse
 */
export async function askOrOwnDataFolder<Answer>(
  path: string,
  claim: Claim & { ask(): Promise<Answer | null> },
): Promise<{ answer: Answer; folder?: never } | { folder: DataFolder; answer?: never }> {
  for (const wait = waiting(path, claim); ; await delay(OWNER_LOOK_INTERVAL)) {
    const answer = await claim.ask();
    if (answer !== null) return { answer };
    const folder = await tryOwn(path, claim.task);
    if (folder) return { folder };
    wait.look({ giveWay: false });
  }
}

function waiting(path: string, { onWaiting, patience = OWNER_PATIENCE }: Claim) {
  const end = performance.now() + patience;
  let seen = { text: '', looks: 0 };
  let hasTold = false;
  return {
    /** Throws when there is nothing to wait for, or no longer. */
    look({ giveWay }: { giveWay: boolean }): void {
      const owner = readOwner(path);
      const text = describeOwner(owner);
      seen = { text, looks: text === seen.text ? seen.looks + 1 : 1 };
      if (performance.now() > end) throw inUse(path, owner);
      if (seen.looks < LOOKS_TO_BELIEVE_OWNER) return;
      if (giveWay && owner?.command === 'serve') throw inUse(path, owner);
      if (!hasTold) onWaiting(`waiting for ${text}, which has the data folder ${path} open`);
      hasTold = true;
    },
  };
}

function inUse(path: string, owner: Owner | null): DataFolderInUse {
  return new DataFolderInUse(
    `The data folder ${path} is in use by ${describeOwner(owner)}. One process has it at a time: stop that one or wait until it ends, or set LATCHKEY_DATA to another folder.`,
  );
}

async function tryOwn(name: string, task: Task): Promise<DataFolder | null> {
  const path = await makePrivate(name);
  const lock = tryLock(path);
  if (!lock) return null;
  try {
    // A version without the lock may still run, or the file of the lock was removed under its owner. This also finds out
    // whether a socket can stand here at all, before anything is made in the folder.
    if (await isAnswered(path)) {
      lock.release();
      return null;
    }
    lock.sign(task);
  } catch (error) {
    lock.release();
    throw error;
  }
  // Recognized by the name of the owner alone; the lock itself ends with the process.
  const onExit = (): void => lock.release();
  process.on('exit', onExit);
  return {
    path,
    release() {
      process.off('exit', onExit);
      lock.release();
    },
  };
}
