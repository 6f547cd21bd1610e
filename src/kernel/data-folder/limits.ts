import { SECOND } from '../clock.ts';

/** How long a start waits for a command that has the folder: a command ends within a minute. */
export const OWNER_PATIENCE = 60 * SECOND;
/** How often a start looks whether the folder is free. */
export const OWNER_LOOK_INTERVAL = SECOND / 10;
/** An owner signs within milliseconds after it has the lock; until then the name of its predecessor may stand there. */
export const LOOKS_TO_BELIEVE_OWNER = 4;
/** Bytes: SQLite, whose lock is used, takes 512 with the name of the file. */
export const LONGEST_FOLDER_PATH = 480;
/** Bytes of `sun_path` on the system that has the least of them (macOS), without the zero at its end. */
export const LONGEST_SOCKET_PATH = 103;
