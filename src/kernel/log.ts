import { pino, type DestinationStream, type Logger } from 'pino';
import { systemClock } from './clock.ts';
import { errorLine, errorRecord, isErrorCode, isErrorLike, looksLikeError } from './log/error-record.ts';
import { LONGEST_WRITE } from './log/limits.ts';

export type Log = Logger;
type FlatLine = Readonly<Record<string, string | number>>;

const { chindingsSym, streamSym } = pino.symbols;

/** Members that hold a secret, wherever they stand in a logged object. */
const secretNames =
  /^(authorization|proxy-authorization|cookie|set-cookie|dpop|password|new_password|current_password|code|user_code|device_code|code_verifier|client_secret|client_assertion|request|access_token|refresh_token|id_token|id_token_hint|logout_token|registration_access_token|token|assertion|subject_token|actor_token|secret|xsrf|csrf|otp|recovery_code|samlresponse|samlrequest|.*(secret|password|privatekey|private_key))$/i;

/** Values that look like a secret whatever their name is: JWTs, bearer tokens, key-ring texts, credentials in URLs. */
const secretShapes: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '[jwt]'],
  [/\b(Bearer|Basic|DPoP)\s+[\w.~+/=-]{8,}/gi, '$1 [redacted]'],
  [/\$argon2[^\s"]+/g, '[hash]'],
  [/(\w+:\/\/[^\s:@/]+):[^\s@/]+@/g, '$1:[redacted]@'],
  [
    /([?&](?:code|token|access_token|id_token_hint|secret|proof|request|state|client_assertion)=)[^&\s"]+/g,
    '$1[redacted]',
  ],
];

/** Cheaper than the shapes, and true wherever one of them fits: nearly no text of an ordinary line has any of this. */
const suspicious = /eyJ|Bearer|Basic|DPoP|\$argon2|:\/\/|[?&]|[^\u0020-\u007e]/i;

/** Control characters, line separators and bidi marks of hostile input, which could forge or hide a line in a terminal. */
const deceiving = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Nearly all names of members are of our own making, so each is judged once; those that come from outside are bounded. */
const knownNames = new Map<string, boolean>();
/** Many times the names that we use. */
const MOST_NAMES = 1000;

function isSecretName(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const isSecret = secretNames.test(name);
  if (knownNames.size < MOST_NAMES) knownNames.set(name, isSecret);
  return isSecret;
}

/** Members in which an error is logged: a member `code` below them is the code of an error. */
const errorNames = /^(err|error|errors|cause|reason|failure)$/i;

function redact(value: unknown, depth = 0, inError = false): unknown {
  if (typeof value === 'string') return redactText(value);
  if (value === null || typeof value !== 'object') return value;
  if (depth > 6) return '[deep]';
  if (value instanceof Date) return value;
  if (isErrorLike(value) || (inError && looksLikeError(value))) return errorRecord(value, redactText);
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1, inError));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      if (isSecretName(name) && !(name === 'code' && isErrorCode(item, { inError }))) return [name, '[redacted]'];
      if (typeof item === 'string') return [name, redactText(item)];
      const isObject = typeof item === 'object' && item !== null;
      return [name, isObject ? redact(item, depth + 1, inError || errorNames.test(name)) : item];
    }),
  );
}

function redactText(text: string): string {
  if (!suspicious.test(text)) return text;
  const shaped = secretShapes.reduce((text, [shape, mask]) => text.replace(shape, mask), text);
  return shaped.replace(deceiving, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** An error and its causes as one line of text, for a terminal: as safe as a line of the log. */
export const describeError = (error: unknown): string => errorLine(error, redactText);

/** JSON lines, on standard output unless a destination is named, redacted by name and by shape before they are written. */
export function createLog({ level, destination }: { level: string; destination?: DestinationStream }): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: isoTime,
      hooks: {
        // Without a message pino takes the error's own, which is not redacted.
        logMethod([first, second, ...rest], method) {
          if (typeof first === 'string') return Reflect.apply(method, this, [redactText(first)]);
          const said = second ?? messageOf(first);
          return Reflect.apply(
            method,
            this,
            typeof said === 'string' ? [first, redactText(said), ...rest] : [first, second, ...rest],
          );
        },
      },
      // Already a record: what pino does by itself would judge its members a second time.
      serializers: { err: (record: unknown) => record },
      formatters: { level: (label) => ({ level: label }), log: (line) => redact(line) as Record<string, unknown> },
    },
    destination ?? standardOutput(),
  );
}

/**
 * A line of texts and numbers under names of our own, in a third of the time that a logger takes, with the same bytes. Values are
 * redacted by shape; no name is judged.
 */
export function writeFlatLine(log: Log, level: 'debug' | 'info', members: FlatLine, message: string): void {
  if (!log.isLevelEnabled(level)) return;
  const internals = log as unknown as Readonly<Record<symbol, unknown>>;
  let line = `{"level":"${level}"${isoTime()}${String(internals[chindingsSym])}`;
  for (const name in members) {
    const value = members[name]!;
    line += `,"${name}":${typeof value === 'number' ? value : JSON.stringify(redactText(value))}`;
  }
  (internals[streamSym] as DestinationStream).write(`${line},"msg":${JSON.stringify(message)}}\n`);
}

let lastTime = 0;
let lastText = '';

/** As pino's own `isoTime`; lines of one millisecond share the text. */
function isoTime(): string {
  const now = systemClock.now();
  if (now.getTime() !== lastTime) {
    lastTime = now.getTime();
    lastText = `,"time":"${now.toISOString()}"`;
  }
  return lastText;
}

let output: DestinationStream | undefined;

/** Writes the lines of one turn of the event loop together, and what is left when the process ends; the same for all logs. */
const standardOutput = (): DestinationStream => (output ??= openStandardOutput());

function openStandardOutput(): DestinationStream {
  const lines = pino.destination({ dest: 1, sync: true, minLength: LONGEST_WRITE });
  let isDue = false;
  // `flushSync` would also wait for the disk.
  const flush = (): void => {
    isDue = false;
    lines.flush();
  };
  process.on('exit', () => lines.flushSync());
  return {
    write(line) {
      lines.write(line);
      if (!isDue) setImmediate(flush);
      isDue = true;
    },
  };
}

function messageOf(line: unknown): string | undefined {
  const error: unknown = line !== null && typeof line === 'object' && 'err' in line ? line.err : line;
  return isErrorLike(error) ? describeError(error) : undefined;
}
