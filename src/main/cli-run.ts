import { stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { App } from '#app/app.ts';
import { SECOND, systemClock } from '#kernel/clock.ts';
import { type Config, ConfigError } from '#kernel/config.ts';
import { askRunning } from '#kernel/control.ts';
import { askOrOwnDataFolder, type DataFolder } from '#kernel/data-folder/data-folder.ts';
import { RETRY_AFTER } from '#kernel/errors.ts';
import { createLog, type Log } from '#kernel/log.ts';
import type { Given, OperationAnswer, RunOperation } from '#kernel/operations/bound-operation.ts';
import { MOST_LISTED } from '#kernel/operations/limits.ts';
import type { Operation } from '#kernel/operations/operation.ts';
import { LONGEST_COMMAND_CLOSE, LONGEST_COMMAND_WAIT } from './limits.ts';

/** The place of a command: its input, its terminal, how it opens the product, and the clean-up after a signal. */
type Place = {
  /** The command that was typed, for those who wait for this process. */
  words: string;
  config: Config;
  terminal: Terminal;
  openApp?: OpenApp | undefined;
  opened?: AsyncDisposableStack | undefined;
};
export type Terminal = { stdout: Writable; stderr: Writable };
export type OpenApp = (parts: {
  config: Config;
  log: Log;
  folder?: DataFolder | undefined;
}) => Promise<Pick<App, 'run' | 'close'>>;

/** The product is loaded only where it is needed: a command that a running node answers needs none of it. */
const openHere: OpenApp = async (parts) => {
  const { databaseUrl, databaseConnectSeconds } = parts.config;
  if (databaseUrl !== undefined) {
    const { reachDatabase } = await import('#kernel/database-lock.ts');
    await reachDatabase({ connectionString: databaseUrl, connectSeconds: databaseConnectSeconds });
  }
  const { createApp } = await import('#app/app.ts');
  return createApp({ ...parts, clock: systemClock });
};

/** The log of a command: its standard output belongs to the answer. */
const logOf = ({ stderr }: Terminal, level: string): Log =>
  createLog({ level, destination: { write: (line) => void stderr.write(line) } });

/** Has commands run in the running process when the database is embedded and one has it open, else here, opened once. */
export function openCommands({ words, config, terminal, openApp = openHere, opened: outer }: Place) {
  const opened = new AsyncDisposableStack();
  outer?.defer(() => opened.disposeAsync());
  let app: Pick<App, 'run' | 'close'> | undefined;
  return {
    async run(name: string, given: Given): Promise<OperationAnswer> {
      if (app) return app.run(name, given);
      if (config.embedded) await requireFolder(config.dataFolder);
      const { answer, folder } = config.embedded
        ? await askOrOwnDataFolder(config.dataFolder, {
            task: { command: words },
            ask: () => askRunning(config.dataFolder, name, given),
            onWaiting: (text) => void terminal.stderr.write(`latchkey: ${text}\n`),
          })
        : {};
      if (answer) return answer;
      if (folder) opened.defer(() => folder.release());
      const created = await openApp({ config, log: logOf(terminal, 'warn'), folder });
      opened.defer(() => created.close());
      app = created;
      return app.run(name, given);
    },
    async close(): Promise<void> {
      await Promise.race([opened.disposeAsync(), delay(LONGEST_COMMAND_CLOSE, undefined, { ref: false })]);
    },
  };
}

/** Only a server makes its folder: a command in the wrong folder, or with a mistyped one, would work on an empty database. */
async function requireFolder(path: string): Promise<void> {
  const code = await stat(path).then(
    () => null,
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (code === 'ENOENT')
    throw new ConfigError(
      `There is no data folder ${path}. Run this command where the server was started, set LATCHKEY_DATA to its folder, or start a server first (latchkey serve).`,
    );
}

/** Has one operation run and closes what that opened. A list without a limit is read to its end. */
export async function execute(place: Place, { name, isList }: Asked, given: Given): Promise<OperationAnswer> {
  const commands = openCommands(place);
  const run = patient(commands.run, place.terminal);
  const input = given.input as Readonly<Record<string, unknown>> | undefined;
  const isWhole = isList && input?.['limit'] === undefined && input?.['cursor'] === undefined;
  try {
    return isWhole ? await wholeList(run, name, given) : await run(name, given);
  } finally {
    await commands.close();
  }
}

/** Asks again after a refusal that lasts seconds, such as a full queue of hashes: a script would have to do the same. */
function patient(run: RunOperation, { stderr }: Terminal): RunOperation {
  return async (name, given) => {
    for (let left = LONGEST_COMMAND_WAIT; ;) {
      const answer = await run(name, given);
      const wait = waitOf(answer);
      if (answer.ok || wait === null || wait > left) return answer;
      stderr.write(`latchkey: ${answer.message} This command tries again in ${wait / SECOND} s.\n`);
      await delay(wait);
      left -= wait;
    }
  };
}

/** Milliseconds after which the same request may succeed. */
function waitOf(answer: OperationAnswer): number | null {
  const details = answer.ok ? {} : (answer.details as Readonly<Record<string, unknown>> | undefined);
  const seconds = details?.[RETRY_AFTER];
  return typeof seconds === 'number' && seconds > 0 ? seconds * SECOND : null;
}

type Asked = Pick<Operation, 'name' | 'isList'>;
type ListAnswer = Readonly<Record<string, unknown>> & { next_cursor: string | null };

async function wholeList(run: RunOperation, name: string, { params, input }: Given): Promise<OperationAnswer> {
  let whole: ListAnswer | undefined;
  for (;;) {
    const cursor = whole === undefined ? {} : { cursor: whole.next_cursor };
    const answer = await run(name, { params, input: { ...(input as object), limit: MOST_LISTED, ...cursor } });
    if (!answer.ok) return answer;
    whole = whole === undefined ? (answer.result as ListAnswer) : joined(whole, answer.result as ListAnswer);
    if (whole.next_cursor === null) return { ok: true, result: whole };
  }
}

const joined = (before: ListAnswer, page: ListAnswer): ListAnswer => ({
  ...page,
  ...Object.fromEntries(
    Object.entries(page).flatMap(([member, found]) =>
      Array.isArray(found) ? [[member, [...(before[member] as unknown[]), ...(found as unknown[])]]] : [],
    ),
  ),
});

/** Writes an answer: a result to standard output, an error to standard error. */
export function print(terminal: Terminal, answer: OperationAnswer, asJson: boolean): void {
  if (!answer.ok) return printError(terminal, answer, asJson);
  terminal.stdout.write(
    asJson ? `${JSON.stringify(answer.result ?? null, null, 2)}\n` : `${readable(answer.result, '')}\n`,
  );
}

/** The last line of standard error; lines of the log may stand before it. */
export function printError(
  { stderr }: Terminal,
  { code, message, details }: { code: string; message: string; details?: unknown },
  asJson: boolean,
): void {
  stderr.write(asJson ? `${JSON.stringify({ error: code, message, details })}\n` : `latchkey: ${message}\n`);
}

/** `name  value` lines; lists as blocks. */
function readable(value: unknown, indent: string): string {
  if (Array.isArray(value))
    return value.length === 0
      ? `${indent}(none)`
      : value.map((item) => readable(item, indent)).join(indent === '' ? '\n\n' : '\n');
  if (value === null || typeof value !== 'object') return `${indent}${String(value)}`;
  if (Object.keys(value).length === 0) return `${indent}(none)`;
  const width = Math.max(0, ...Object.keys(value).map((name) => name.length));
  return Object.entries(value)
    .map(([name, item]) =>
      item !== null && typeof item === 'object'
        ? `${indent}${name}\n${readable(item, `${indent}  `)}`
        : `${indent}${name.padEnd(width)}  ${String(item)}`,
    )
    .join('\n');
}
