/**
 * The embedded database admits one process, so the command line asks the running one: JSON over HTTP on a Unix socket in the
 * data folder, which only its owner may open.
 */
import { chmod, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';

export type Commands = Readonly<Record<string, (input: never) => Promise<unknown>>>;
export type CommandAnswer =
  | { ok: true; result: unknown }
  | { ok: false; code: string; message: string; details?: unknown };

const socketPath = (dataFolder: string): string => join(dataFolder, 'control.sock');
const LARGEST_COMMAND = 1024 * 1024;

/** Runs a command; refusals become answers, faults are thrown. */
export async function runCommand(commands: Commands, name: string, input: unknown): Promise<CommandAnswer> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return { ok: false, code: 'control.unknown_command', message: `There is no command ${name}.` };
  try {
    return { ok: true, result: await command(input as never) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ok: false, code: error.code, message: error.message, details: error.details };
  }
}

/** Opens the socket, in place of one that a killed process left behind. */
export async function serveCommands({
  dataFolder,
  commands,
  log,
}: {
  dataFolder: string;
  commands: Commands;
  log: Log;
}): Promise<{ close(): Promise<void> }> {
  const path = socketPath(dataFolder);
  await rm(path, { force: true });
  const server = createServer((req, res) => {
    void (async () => {
      try {
        let body = '';
        for await (const chunk of req) {
          body += String(chunk);
          if (body.length > LARGEST_COMMAND) throw new Error('the command is too large');
        }
        const { name, input } = JSON.parse(body) as { name: string; input: unknown };
        res.end(JSON.stringify(await runCommand(commands, name, input)));
      } catch (err) {
        log.error({ err }, 'a command failed');
        res.statusCode = 500;
        res.end(
          JSON.stringify({
            ok: false,
            code: 'control.fault',
            message: 'The command failed. The log of the running server says why.',
          } satisfies CommandAnswer),
        );
      }
    })();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Asks the process that has this data folder open; null when there is none. */
export async function askRunning(dataFolder: string, name: string, input: unknown): Promise<CommandAnswer | null> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socketPath(dataFolder), method: 'POST', path: '/' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve(JSON.parse(text) as CommandAnswer));
      answer.on('error', reject);
    });
    asked.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? resolve(null) : reject(error),
    );
    asked.end(JSON.stringify({ name, input }));
  });
}
