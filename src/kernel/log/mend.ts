/**
 * The message for the operator when a start or a command fails: the failure, the variable, the fix. One table of
 * codes for each service that can fail; code that meets an error calls a function here, and adds nothing.
 */
import { existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config.ts';
import { looksLikeError } from './error-record.ts';
import { PROBE_BYTES } from './limits.ts';

type Mends = Readonly<Record<string, string>>;

/** Of the connection to PostgreSQL: codes of the system, of TLS, and SQLSTATEs. After "PostgreSQL at host:port". */
const databaseMends: Mends = {
  ECONNREFUSED: 'refuses connections. Start it, or correct host and port in DATABASE_URL.',
  ECONNRESET: 'closed the connection. Check proxies and firewalls in between, and host and port in DATABASE_URL.',
  ENOTFOUND: 'has a host that no name service knows. Correct the host in DATABASE_URL.',
  EAI_AGAIN:
    'has a host that the name service cannot look up now. Check the name service, or the host in DATABASE_URL.',
  ETIMEDOUT: 'does not answer. Check network and firewall, and host and port in DATABASE_URL.',
  EHOSTUNREACH: 'cannot be reached over the network. Check the route, and the host in DATABASE_URL.',
  ENETUNREACH: 'cannot be reached over the network. Check the route, and the host in DATABASE_URL.',
  ENOENT: 'has no socket there. Start it, or correct the host in DATABASE_URL.',
  EACCES: 'has a socket that this user may not open. Correct its mode, or the host in DATABASE_URL.',
  '28P01': 'refuses the user or the password. Correct them in DATABASE_URL.',
  '28000': 'does not accept this user from this host. Correct the user in DATABASE_URL, or pg_hba.conf.',
  '3D000': 'has no such database. Create it, or correct its name in DATABASE_URL.',
  '42501': 'does not give the user enough rights. Grant them, or name another user in DATABASE_URL.',
  '53300': 'has no connection left. Lower DATABASE_POOL, or raise max_connections.',
  '57P03': 'is starting or stopping. Wait, or name another one in DATABASE_URL.',
  '25006': 'takes no writes, as a standby does not. Name the primary in DATABASE_URL.',
  TIMEOUT: 'accepted no connection in time. Check its load and the network, or raise DATABASE_CONNECT_SECONDS.',
  POOL: 'is busy on every connection of this process. Raise DATABASE_POOL, or look for slow statements.',
  TLS: 'and this process do not agree on TLS. Correct sslmode or sslrootcert in DATABASE_URL.',
};

/** Of Redis: codes of the system, and the first words of its refusals. After "Redis at host:port". */
const redisMends: Mends = {
  ECONNREFUSED: 'refuses connections. Start it, or correct host and port in REDIS_URL.',
  ECONNRESET: 'closed the connection. Check proxies and firewalls in between, and host and port in REDIS_URL.',
  ENOTFOUND: 'has a host that no name service knows. Correct the host in REDIS_URL.',
  EAI_AGAIN: 'has a host that the name service cannot look up now. Check the name service, or the host in REDIS_URL.',
  WRONGPASS: 'refuses the user or the password. Correct them in REDIS_URL.',
  NOAUTH: 'wants a password. Put it into REDIS_URL.',
  NOPERM: 'does not give the user enough rights. Grant them, or name another user in REDIS_URL.',
  READONLY: 'is a replica, which takes no writes. Name the primary in REDIS_URL.',
  OOM: 'has no memory left. Raise its maxmemory.',
  MISCONF: 'cannot save to its disk. Look into its log.',
  LOADING: 'is starting. Wait until it has loaded its data.',
  TIMEOUT: 'does not answer in time. Check its load and the network, and host and port in REDIS_URL.',
};

/** Of the data folder: codes of the system. After "LATCHKEY_DATA names /path". */
const folderMends: Mends = {
  ENOSPC: 'whose disk is full. Free space on it, or name a folder on another disk.',
  EDQUOT: 'where the quota of this user is used up. Raise it, or name a folder on another disk.',
  EFBIG: 'where no file of this size may be written. Raise the limit (ulimit -f).',
  EROFS: 'which is on a read-only file system. Mount it writable, or name another folder.',
  EACCES: 'where this user may not write. Give the folder to this user (chown -R), or name another one.',
  EPERM: 'where this user may not write. Give the folder to this user (chown -R), or name another one.',
  ENOTDIR: 'with a file as a parent folder. Name a folder.',
  EEXIST: 'which is a file. Name a folder.',
  ELOOP: 'which is a loop of symbolic links. Name a folder.',
  ENAMETOOLONG: 'which is too long. Name a shorter path.',
  ENOENT: 'which cannot be created. Name a folder that this user may write to.',
  EIO: 'whose disk reports faults. Replace the disk, and restore a backup (docs/operations.md).',
  EMFILE: 'but this process may open no more files. Raise the limit (ulimit -n).',
  ENFILE: 'but this machine can open no more files. Raise the limit (fs.file-max).',
};
const DAMAGED =
  'whose database cannot be opened. Restore a backup of the folder (docs/operations.md), or name an empty one.';

/** Of a port that is listened on. */
const listenMends: Readonly<Record<string, (port: number, host: string, variable: string) => string>> = {
  EADDRINUSE: (port, host, variable) =>
    `${variable} ${port} of ${host} is taken by another program. Set ${variable} to a free one.`,
  EACCES: (port, _host, variable) =>
    `${variable} ${port} may not be taken by this user. Set ${variable} to one above 1023.`,
  EADDRNOTAVAIL: (_port, host) =>
    `HOST ${host} is not an address of this machine. Set HOST to an address of this machine, or to 0.0.0.0.`,
  ENOTFOUND: (_port, host) => `HOST ${host} is a name that no name service knows. Set HOST to an address.`,
};

/** The codes of WASI, with which the embedded database reports what the system said. */
const wasiCodes: Readonly<Record<number, string>> = {
  2: 'EACCES',
  19: 'EDQUOT',
  22: 'EFBIG',
  29: 'EIO',
  33: 'EMFILE',
  41: 'ENFILE',
  44: 'ENOENT',
  51: 'ENOSPC',
  63: 'EPERM',
  69: 'EROFS',
};

function codesOf(error: unknown, depth = 0): string[] {
  if (!looksLikeError(error) || depth > 6) return [];
  const { code, errno, name, cause, errors } = error;
  return [
    ...(typeof code === 'string' ? [code] : []),
    ...(name === 'ErrnoError' && typeof errno === 'number' ? [wasiCodes[errno] ?? ''] : []),
    ...codesOf(cause, depth + 1),
    ...(Array.isArray(errors) ? errors.flatMap((inner) => codesOf(inner, depth + 1)) : []),
  ];
}

/** `where` is host and port. */
export function databaseMend(error: unknown, where: string): string {
  const message = error instanceof Error ? error.message : '';
  const code = message.startsWith('timeout exceeded when trying to connect')
    ? 'POOL'
    : /connection timeout|timeout expired/.test(message)
      ? 'TIMEOUT'
      : /\bSSL\b|certificate/i.test(message) && !codesOf(error).some((code) => code in databaseMends)
        ? 'TLS'
        : codesOf(error).find((code) => code in databaseMends);
  const mend = databaseMends[code ?? ''] ?? 'cannot be reached. Check that it runs, and DATABASE_URL.';
  return `PostgreSQL at ${where} ${mend}`;
}

/** `where` is host and port, of each node. */
export function redisMend(error: unknown, where: string): string {
  const message = error instanceof Error ? error.message : '';
  const [refusal = ''] = /^[A-Z]+(?= )/.exec(message) ?? [];
  const code = /timed out|no answer in time|ETIMEDOUT/.test(message)
    ? 'TIMEOUT'
    : [refusal, ...codesOf(error)].find((code) => code in redisMends);
  return `Redis at ${where} ${redisMends[code ?? ''] ?? 'cannot be used. Check that it runs, and REDIS_URL.'}`;
}

/** The message for an error `code` of the data folder at `path`, with the fix. */
export const folderMend = (code: string, path: string): string =>
  `LATCHKEY_DATA names ${path}, ${folderMends[code] ?? 'which cannot be used. Name a folder that this user may write to.'}${code === '' ? '' : ` (${code})`}`;

/** The message for an error of a listener, with the variable to change; undefined for an unknown error. */
export function listenMend(
  error: unknown,
  { port, host, variable = 'PORT' }: { port: number; host: string; variable?: string },
): string | undefined {
  const code = codesOf(error).find((code) => code in listenMends);
  return code === undefined ? undefined : listenMends[code]?.(port, host, variable);
}

/** The code of a fault in the data folder; undefined for other faults. */
export function failureOfFolder(
  error: unknown,
  { embedded, dataFolder }: Pick<Config, 'embedded' | 'dataFolder'>,
): string | undefined {
  if (!embedded) return undefined;
  const path = looksLikeError(error) ? error['path'] : undefined;
  const code = codesOf(error).find((code) => code in folderMends);
  if (code !== undefined && (path === undefined || String(path).startsWith(dataFolder)))
    return folderMend(code, dataFolder);
  if (!isOfWebAssembly(error)) return undefined;
  const found = probe(dataFolder);
  return found === undefined ? `LATCHKEY_DATA names ${dataFolder}, ${DAMAGED}` : folderMend(found, dataFolder);
}

/** The embedded database ends without saying why. */
function isOfWebAssembly(error: unknown): boolean {
  if (!looksLikeError(error)) return false;
  const { name, message } = error;
  return /^(ErrnoError|ExitStatus|RuntimeError)$/.test(String(name)) || /^Aborted\(|unreachable/.test(String(message));
}

/** Why nothing can be written below a folder that may not be there yet; undefined when something can. */
export function whyUnwritable(path: string): string | undefined {
  const folder = existsSync(path) ? path : dirname(path);
  if (folder !== path && !existsSync(folder)) return whyUnwritable(folder);
  const file = join(folder, `probe.${process.pid}`);
  try {
    writeFileSync(file, 'probe', { mode: 0o600 });
    return undefined;
  } catch (error) {
    return codesOf(error)[0];
  } finally {
    rmSync(file, { force: true });
  }
}

/** The reason why the folder is not writable; undefined if it is. Data that did not fit has been removed by now. */
function probe(folder: string): string | undefined {
  const file = join(folder, `probe.${process.pid}`);
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < 2 * PROBE_BYTES) return 'ENOSPC';
    writeFileSync(file, Buffer.alloc(PROBE_BYTES), { mode: 0o600 });
    return undefined;
  } catch (error) {
    return codesOf(error)[0] ?? 'EIO';
  } finally {
    rmSync(file, { force: true });
  }
}
