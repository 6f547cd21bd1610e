/**
 * The loggable parts of an error: its kind, its code, its place and its causes. Never a value: a
 * database quotes rows and parameters in its messages, and keeps them in further members (`detail`, `where`, `params`).
 */
import { getSystemErrorMap } from 'node:util';
import { isTransient } from '../database-errors.ts';
import { DEEPEST_CAUSE, LONGEST_MESSAGE, MOST_FRAMES } from './limits.ts';

type ErrorRecord = {
  name: string;
  message: string;
  [member: string]: unknown;
  cause?: ErrorRecord;
  /** Frames without the message. Only of the outermost error, and only of a fault: an outage needs none. */
  stack?: string;
};

type ErrorLike = Readonly<Record<string, unknown>>;

/** Members with the place of a failure. All others may contain secrets. */
const places = [
  'syscall',
  'address',
  'port',
  'hostname',
  'path',
  'dest',
  'status',
  'statusCode',
  'responseCode',
  'kind',
  'origin',
];
/** Members with which PostgreSQL names parts of the schema. */
const identifiers = ['severity', 'schema', 'table', 'column', 'constraint', 'dataType', 'routine'];
const identifier = /^[\w$ ]{1,63}$/;

/** Refusals and failures of others: where in our code they were noticed is of no interest. */
const expected: ReadonlySet<string> = new Set([
  'AppError',
  'ConfigError',
  'DataFolderInUse',
  'DatabaseAway',
  'OutboundError',
  'RedisUnavailable',
]);

const sqlState = /^[0-9A-Z]{5}$/;
const systemCodes: ReadonlySet<string> = new Set([...getSystemErrorMap().values()].map(([code]) => code));
/** Codes of Node, of libraries and of ours, which are words; of PostgreSQL; statuses of HTTP. A secret is none of these. */
const codeForm = /^(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*|[0-9A-Z]{5}|[a-z]+(?:[._-][a-z]+)*|[1-5]\d{2})$/;
const codeAnywhere = /^(?:(?:ERR|UND_ERR)_[A-Z0-9_]+|[a-z]+(?:[._][a-z]+)*\.[a-z]+(?:_[a-z]+)*)$/;

/**
 * Whether a member `code` holds the code of an error, which is never redacted, and not a code that signs in, which always
 * is. In an error every form of an error code counts; elsewhere only those that no secret can have.
 */
export function isErrorCode(value: unknown, { inError }: { inError: boolean }): boolean {
  if (typeof value === 'number')
    return Number.isInteger(value) && (inError ? Math.abs(value) < 10_000 : isStatus(value));
  if (typeof value !== 'string' || value.length > 64) return false;
  return systemCodes.has(value) || (inError ? codeForm : codeAnywhere).test(value);
}

const isStatus = (value: number): boolean => value >= 100 && value <= 599;

/** Errors, also errors of another realm and errors that a library copied into a plain object. */
export function isErrorLike(value: unknown): value is ErrorLike {
  if (value instanceof Error) return true;
  if (value === null || typeof value !== 'object') return false;
  const { message, stack, severity } = value as ErrorLike;
  return typeof message === 'string' && (typeof stack === 'string' || typeof severity === 'string');
}

/** Thrown values that are not errors: WebAssembly throws objects with a name and a number. */
export function looksLikeError(value: unknown): value is ErrorLike {
  if (isErrorLike(value)) return true;
  if (value === null || typeof value !== 'object') return false;
  const { name, message, errno, status } = value as ErrorLike;
  return typeof message === 'string' || (typeof name === 'string' && (errno !== undefined || status !== undefined));
}

/** The record of anything that was thrown. `tidy` masks what looks like a secret in a text. */
export function errorRecord(thrown: unknown, tidy: (text: string) => string): ErrorRecord {
  const { record } = recordOf(thrown, tidy, 0);
  const frames = framesOf(thrown);
  return frames.length === 0 ? record : { ...record, stack: frames.map(tidy).join('\n') };
}

/** An error and its causes in one line, for a user. */
export function errorLine(thrown: unknown, tidy: (text: string) => string): string {
  const said: string[] = [];
  for (let at: ErrorRecord | undefined = recordOf(thrown, tidy, 0).record; at; at = at.cause) {
    const { message } = at;
    if (!said.some((text) => text.includes(message))) said.push(message);
  }
  return said.reduceRight((cause, text) => (/[.!?]$/.test(text) ? `${text} (${cause})` : `${text}: ${cause}`));
}

type Recorded = { record: ErrorRecord; raw: string; safe: string };

function recordOf(thrown: unknown, tidy: (text: string) => string, depth: number): Recorded {
  if (!looksLikeError(thrown)) {
    const raw = typeof thrown === 'string' ? thrown : `${typeof thrown} thrown instead of an error`;
    const safe = tidy(oneLine(raw));
    return { record: { name: 'Error', message: safe }, raw, safe };
  }
  const inner = innerOf(thrown);
  const cause = inner === undefined || depth >= DEEPEST_CAUSE ? undefined : recordOf(inner, tidy, depth + 1);
  const raw = messageOf(thrown);
  // A wrapper that quotes the message of its cause quotes the values in it too.
  const quoted = cause && cause.raw !== '' ? raw.replaceAll(cause.raw, () => cause.safe) : raw;
  const safe = tidy(oneLine(withoutValues(thrown, quoted)));
  const record: ErrorRecord = { name: nameOf(thrown), message: safe };
  if (isErrorCode(thrown['code'], { inError: true })) record['code'] = thrown['code'];
  for (const place of places) {
    const value = thrown[place];
    if (typeof value === 'string') record[place] = tidy(oneLine(value));
    else if (typeof value === 'number') record[place] = value;
  }
  if (isDatabaseError(thrown))
    for (const member of identifiers) {
      const value = thrown[member];
      if (typeof value === 'string' && identifier.test(value)) record[member] = value;
    }
  if (cause) record.cause = cause.record;
  return { record, raw, safe };
}

/** The cause, unless it is only the driver's error under another name. */
function innerOf(error: ErrorLike): unknown {
  const { cause, previous, errors } = error;
  if (cause !== undefined && cause !== null) return cause;
  if (previous !== undefined && previous !== null) return previous;
  return Array.isArray(errors) && error['message'] !== '' ? errors[0] : undefined;
}

/** Several addresses of a host that were tried in vain are an error without a message. */
function messageOf(error: ErrorLike): string {
  const { message, errors, errno, status } = error;
  if (typeof message === 'string' && message !== '') return message;
  if (Array.isArray(errors)) return errors.filter(looksLikeError).map(messageOf).join('; ');
  if (typeof errno === 'number') return `${nameOf(error)} ${errno}`;
  return typeof status === 'number' ? `${nameOf(error)} ${status}` : nameOf(error);
}

function nameOf({ name }: ErrorLike): string {
  return typeof name === 'string' && /^[\w$. ]{1,64}$/.test(name) ? name : 'Error';
}

const isDatabaseError = ({ code, severity }: ErrorLike): boolean =>
  typeof code === 'string' && sqlState.test(code) && typeof severity === 'string';

/** Words after which PostgreSQL quotes a name of the schema or of the server, and no value. */
const namedThing =
  /^(?:[^"«»„“‚‘']*\b(?:column|relation|table|constraint|index|sequence|schema|database|role|user|function|extension|type|encoding|parameter|view|trigger|statement) "[\w$.-]{1,63}")*[^"«»„“‚‘']*/;

function withoutValues(error: ErrorLike, message: string): string {
  // The mapper appends the row that the server shows in `detail`.
  if (isDatabaseError(error))
    return withoutQuotes(message.replace(/ - detail: [^]*$/, '')).replaceAll(/\b0x[\da-f]+/gi, '0x…');
  // The mapper quotes what it looked for, or could not take.
  if (/^(ValidationError|NotFoundError|OptimisticLockError|CursorError|MetadataError)$/.test(nameOf(error)))
    return message.replace(/\{[^]*\}/, '{…}').replace(/'[^]*'/, "'…'");
  // A mail server names the recipient in what it says.
  if ('responseCode' in error || 'command' in error)
    return message.replaceAll(/([^\s<>@])[^\s<>@]*(@[^\s<>@]+)/g, '$1•••$2');
  return message;
}

/** Everything from the first quoted value to the last quote: a value may hold quotes, and words that look like ours. */
function withoutQuotes(message: string): string {
  const kept = namedThing.exec(message)?.[0].length ?? 0;
  if (kept >= message.length) return message;
  const last = Math.max(...['"', '»', '“', '’', "'", '«', '‘'].map((quote) => message.lastIndexOf(quote)));
  return `${message.slice(0, kept)}"…"${last > kept ? message.slice(last + 1) : ''}`;
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s*[\r\n\u2028\u2029\u0085]+\s*/g, ' ').trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}

const frame = /^\s+at (?:async )?(?:[\w$.<>[\]# ]+ \()?(?:file:\/\/|node:|\/|[A-Z]:\\|<anonymous>)[^()]*\)?$/;

/** Lines that begin with "at" may also stand in a message, so all messages are taken out first. */
function framesOf(thrown: unknown): readonly string[] {
  if (!looksLikeError(thrown) || typeof thrown['stack'] !== 'string') return [];
  if (expected.has(nameOf(thrown)) || isTransient(thrown)) return [];
  let stack = thrown['stack'];
  for (let at: unknown = thrown, depth = 0; looksLikeError(at) && depth < DEEPEST_CAUSE; at = innerOf(at), depth += 1)
    if (typeof at['message'] === 'string' && at['message'] !== '') stack = stack.replaceAll(at['message'], '');
  return stack
    .split('\n')
    .filter((line) => frame.test(line))
    .slice(0, MOST_FRAMES);
}
