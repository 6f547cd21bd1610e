/**
 * The address of a Unix socket holds 107 bytes on Linux and 103 on macOS; a data folder may be named by more. Where the name
 * is too long, a link in a private temporary folder leads to the data folder while the socket is bound or connected.
 */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../config.ts';
import { LONGEST_SOCKET_PATH } from './limits.ts';

const fits = (path: string): boolean => Buffer.byteLength(path) <= LONGEST_SOCKET_PATH;

/** Calls `work` with a path of this socket that fits into an address; it is good until `work` is done. */
export async function withSocketPath<T>(
  folder: string,
  name: string,
  work: (path: string) => Promise<T>,
  temporary: string = tmpdir(),
): Promise<T> {
  const path = join(folder, name);
  if (fits(path)) return work(path);
  const tooLong = (cause?: unknown): ConfigError =>
    new ConfigError(
      `LATCHKEY_DATA: the path ${folder} is too long for a socket (${LONGEST_SOCKET_PATH} bytes), and no short link to it can be made in ${temporary}. Use a shorter path, or set TMPDIR to a folder that can be written to.`,
      { cause },
    );
  const shortcut = await mkdtemp(join(temporary, 'lk-')).catch((error: unknown) => Promise.reject(tooLong(error)));
  try {
    const short = join(shortcut, 'd', name);
    if (!fits(short)) throw tooLong();
    await symlink(folder, join(shortcut, 'd'));
    return await work(short);
  } finally {
    await rm(shortcut, { recursive: true, force: true });
  }
}
