/**
 * The embedded database admits one process, so the command line asks the running one: JSON over HTTP on a Unix socket in the
 * data folder, which only its owner may open.
 */
import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SECOND } from './clock.ts';
import { withSocketPath } from './data-folder/socket-path.ts';
import type { Log } from './log.ts';
import type { Given, OperationAnswer, RunOperation } from './operations/bound-operation.ts';

const SOCKET = 'control.sock';
/** Bytes of one command; an import comes in many. */
const LARGEST_COMMAND = 1024 * 1024;
/** A stop lets commands that were taken up be answered. */
const LONGEST_LAST_COMMAND = SECOND;

/** Opens the socket, in place of one that a killed process left behind. */
export async function serveCommands({
  dataFolder,
  run,
  log,
}: {
  dataFolder: string;
  run: RunOperation;
  log: Log;
}): Promise<{ close(): Promise<void> }> {
  const path = join(dataFolder, SOCKET);
  await rm(path, { force: true });
  const server = createServer((req, res) => {
    void (async () => {
      try {
        let body = '';
        for await (const chunk of req) {
          body += String(chunk);
          if (body.length > LARGEST_COMMAND) throw new Error('the command is too large');
        }
        const { name, params, input } = JSON.parse(body) as { name: string } & Given;
        res.end(JSON.stringify(await run(name, { params, input })));
      } catch (err) {
        log.error({ err }, 'a command failed');
        res.statusCode = 500;
        res.end(
          JSON.stringify({
            ok: false,
            code: 'control.fault',
            message: 'The command failed. The log of the running server says why.',
          } satisfies OperationAnswer),
        );
      }
    })();
  });
  await withSocketPath(dataFolder, SOCKET, async (short) => {
    server.listen(short);
    await once(server, 'listening');
  });
  await chmod(path, 0o600);
  return {
    async close() {
      const closed = new Promise((resolve) => void server.close(resolve));
      server.closeIdleConnections();
      await Promise.race([closed, delay(LONGEST_LAST_COMMAND, undefined, { ref: false })]);
      server.closeAllConnections();
      await closed;
      await rm(path, { force: true });
    },
  };
}

/** Whether a process answers at the socket of this data folder. */
export async function isAnswered(dataFolder: string): Promise<boolean> {
  return withSocketPath(
    dataFolder,
    SOCKET,
    (path) =>
      new Promise<boolean>((resolve) => {
        const socket = connect(path, () => resolve(true)).on('error', ({ code }: NodeJS.ErrnoException) =>
          resolve(code === 'EAGAIN'),
        );
        socket.on('connect', () => socket.destroy());
      }),
  );
}

/**
 * Asks the process that has this data folder open; null when there is none, or it went away before it took the command up:
 * the command is sent only when the server says `100 Continue`, so what was not begun can be tried again.
 */
export async function askRunning(dataFolder: string, name: string, given: Given): Promise<OperationAnswer | null> {
  return withSocketPath(
    dataFolder,
    SOCKET,
    (socketPath) =>
      new Promise((resolve, reject) => {
        let isTakenUp = false;
        const asked = request({ socketPath, method: 'POST', path: '/', headers: { Expect: '100-continue' } });
        const onError = (error: NodeJS.ErrnoException): void => {
          if (!isTakenUp && awayCodes.has(error.code ?? '')) resolve(null);
          else reject(isTakenUp ? lostAnswer(error) : error);
        };
        asked.on('error', onError);
        asked.on('continue', () => {
          isTakenUp = true;
          asked.end(JSON.stringify({ name, ...given }));
        });
        asked.on('response', (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (chunk: string) => (text += chunk));
          answer.on('end', () => resolve(JSON.parse(text) as OperationAnswer));
          answer.on('error', onError);
        });
        asked.flushHeaders();
      }),
  );
}

/**
 * Nothing listens, what listened stopped before it read the request, or so many ask that it cannot listen now. A folder
 * that cannot be reached at all is the business of those who open it.
 */
const awayCodes: ReadonlySet<string> = new Set(
  'ENOENT ECONNREFUSED ECONNRESET EPIPE EAGAIN ENOTDIR EACCES ELOOP ENAMETOOLONG'.split(' '),
);

function lostAnswer(cause: Error): Error {
  return new Error(
    'The server ended while it carried out the command, so it is not known whether it was done. Look before you repeat it.',
    { cause },
  );
}
