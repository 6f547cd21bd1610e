import { pino, type DestinationStream, type Logger } from 'pino';

export type Log = Logger;

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
const MOST_NAMES = 1000;

function isSecretName(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const isSecret = secretNames.test(name);
  if (knownNames.size < MOST_NAMES) knownNames.set(name, isSecret);
  return isSecret;
}

export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') {
    if (!suspicious.test(value)) return value;
    const shaped = secretShapes.reduce((text, [shape, mask]) => text.replace(shape, mask), value);
    return shaped.replace(deceiving, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }
  if (value === null || typeof value !== 'object') return value;
  if (depth > 6) return '[deep]';
  if (value instanceof Date) return value;
  if (value instanceof Error) return redactError(value, depth);
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, isSecretName(name) ? '[redacted]' : redact(item, depth + 1)]),
  );
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  return {
    name,
    message: redact(message),
    ...('code' in error ? { code: error.code } : {}),
    stack: stack
      ?.split('\n')
      .map((line) => redact(line))
      .join('\n'),
    ...(cause === undefined ? {} : { cause: redact(cause, depth + 1) }),
  };
}

/** JSON lines on standard output, redacted by name and by shape before they are written. */
export function createLog({ level, destination }: { level: string; destination?: DestinationStream }): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: {
        // Without a message pino takes the error's own, which nobody has redacted.
        logMethod([first, second, ...rest], method) {
          const said = second ?? (first instanceof Error ? first.message : undefined) ?? messageOf(first);
          Reflect.apply(
            method,
            this,
            typeof said === 'string' ? [first, redact(said), ...rest] : [first, second, ...rest],
          );
        },
      },
      serializers: { err: (error: unknown) => redact(error) },
      formatters: { level: (label) => ({ level: label }), log: (line) => redact(line) as Record<string, unknown> },
    },
    destination ?? pino.destination({ sync: true, dest: 1 }),
  );
}

function messageOf(line: unknown): unknown {
  const error: unknown = line !== null && typeof line === 'object' && 'err' in line ? line.err : undefined;
  return error instanceof Error ? error.message : undefined;
}
