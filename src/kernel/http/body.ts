/**
 * Bodies of requests: bounded as they arrive, and text before anything reads them as fields or JSON.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import { DEEPEST_JSON, FORM_LIMIT, JSON_LIMIT, MOST_BODY_FIELDS, REFUSED_BODY_DRAIN } from './limits.ts';

type BodyContext = {
  req: IncomingMessage;
  res: { shouldKeepAlive: boolean };
  is(...types: string[]): string | false | null;
};

/** All bytes of the body. Refuses more than `limit` of them (413) without reading to the end, and closes the connection. */
export async function readBody(ctx: BodyContext, limit: number): Promise<Buffer> {
  const body = declaredLength(ctx.req) > limit ? undefined : await collect(ctx.req, limit);
  return body !== undefined && body.length <= limit ? body : refuseLarge(ctx, limit);
}

const collected = new WeakMap<IncomingMessage, Promise<Buffer | undefined>>();

/**
 * All bytes of the body, or undefined as soon as there are more than `limit`. Rejects when the client leaves. A repeated call
 * returns the same body.
 */
export function collect(req: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const body = collected.get(req) ?? receive(req, limit);
  collected.set(req, body);
  return body;
}

function receive(req: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const onData = (chunk: Buffer): void => {
      received += chunk.length;
      if (received > limit) end(() => resolve(undefined));
      else chunks.push(chunk);
    };
    const onEnd = (): void => end(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, received)));
    const onError = (error: Error): void => end(() => reject(error));
    const onClose = (): void => end(() => reject(new Error('the client left in the middle of its request')));
    function end(settle: () => void): void {
      req.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose).pause();
      settle();
    }
    req.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
    if (req.destroyed && !req.readableEnded) onClose();
  });
}

/** The Content-Length of a request in bytes; 0 without the header, NaN for an invalid one. */
export function declaredLength(req: IncomingMessage): number {
  return Number(req.headers['content-length'] ?? 0);
}

/** Ends the connection with this answer; a short drain first, because closing over unread bytes resets it, answer and all. */
export async function closeAfterAnswer({ req, res }: Pick<BodyContext, 'req' | 'res'>): Promise<void> {
  res.shouldKeepAlive = false;
  if (req.readableEnded) return;
  const enough = new AbortController();
  let drained = 0;
  const count = (chunk: Buffer): void => {
    drained += chunk.length;
    if (drained > REFUSED_BODY_DRAIN.bytes) enough.abort();
  };
  const stop = (): void => enough.abort();
  req.on('data', count).once('end', stop).once('close', stop).resume();
  await delay(REFUSED_BODY_DRAIN.milliseconds, undefined, { signal: enough.signal }).catch(() => undefined);
  req.off('data', count).off('end', stop).off('close', stop).pause();
}

/** Refuses a body above `limit` bytes with 413 and closes the connection after the response. Always throws. */
export async function refuseLarge(ctx: Pick<BodyContext, 'req' | 'res'>, limit: number): Promise<never> {
  await closeAfterAnswer(ctx);
  throw tooLarge(limit);
}

/** The fields of a form by name, each at most once. */
export async function readForm(ctx: BodyContext, limit = FORM_LIMIT): Promise<ReadonlyMap<string, string>> {
  if (hasBody(ctx.req) && !ctx.is('application/x-www-form-urlencoded'))
    throw unsupported('a form (application/x-www-form-urlencoded)');
  const fields = new Map<string, string>();
  for (const [name, value] of decodeForm(await readBody(ctx, limit))) {
    // Arrays and objects in disguise (`email[]`, `email[$ne]`, `__proto__`) and second values come from no real form.
    if (!/^[a-z][\w.-]*$/i.test(name) || fields.has(name)) throw invalidForm();
    fields.set(name, value);
  }
  return fields;
}

/**
 * The JSON value of the body, which is UTF-8 (RFC 8259 §8.1); an empty body is none. No format that is built on JSON is taken but those
 * of `types`.
 */
export async function readJson(
  ctx: BodyContext,
  limit = JSON_LIMIT,
  types: readonly string[] = ['application/json'],
): Promise<unknown> {
  if (!ctx.is(...types) || !isDeclaredUtf8(ctx.req)) throw unsupported(`JSON (${types.join(' or ')}, UTF-8)`);
  return parseJson(await readBody(ctx, limit));
}

function isDeclaredUtf8({ headers }: IncomingMessage): boolean {
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(headers['content-type'] ?? '')?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
}

/** Name and value of every field in order, repeated ones too. */
export function decodeForm(body: Buffer): readonly (readonly [string, string])[] {
  return splitForm(body)
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
    });
}

/**
 * Parses a JSON body. Throws 400 for bytes that are not UTF-8, invalid JSON, deep nesting and hidden keys such as
 * `__proto__`.
 */
export function parseJson(body: Buffer): unknown {
  requireText(body);
  const text = body.toString('utf8');
  if (mayBeDeeperThan(body, DEEPEST_JSON) && isDeeperThan(text, DEEPEST_JSON)) throw invalidJson();
  // Refused keys and texts need one of these: NUL and halves of characters come escaped.
  const isPlain = !text.includes('\\') && !text.includes('__proto__');
  try {
    return isPlain ? JSON.parse(text) : JSON.parse(text, refuseHiddenKeys);
  } catch (cause) {
    throw invalidJson(cause);
  }
}

/** Checks a form for another reader, as cheaply as it can be done. */
export function requireFormText(body: Buffer): void {
  splitForm(body);
  if (body.includes('%')) decode(body.toString('utf8'));
}

function splitForm(body: Buffer): readonly string[] {
  requireText(body);
  const pairs = body.toString('utf8').split('&', MOST_BODY_FIELDS + 1);
  if (pairs.length > MOST_BODY_FIELDS) throw invalidForm();
  return pairs;
}

/** NUL ends a text early in some reader or other, and PostgreSQL cannot keep it. */
function requireText(body: Buffer): void {
  if (!isUtf8(body) || body.includes(0)) throw invalidText();
}

function decode(text: string): string {
  let decoded;
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw invalidText(cause);
  }
  if (decoded.includes('\0')) throw invalidText();
  return decoded;
}

const [OPEN_ARRAY, OPEN_OBJECT] = [0x5b, 0x7b];
/** Cheaper: brackets in strings count too. */
function mayBeDeeperThan(body: Buffer, limit: number): boolean {
  let opened = 0;
  for (const byte of body) if ((byte === OPEN_ARRAY || byte === OPEN_OBJECT) && (opened += 1) > limit) return true;
  return false;
}

/** Counts brackets outside of strings, so that no parser has to recurse into what will be refused. */
function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\[^][^"\\]*)*"?|[[\]{}]/g)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > limit) return true;
  }
  return false;
}

function refuseHiddenKeys(key: string, value: unknown): unknown {
  if (key === '__proto__' || !isStorable(key)) throw new Error('refused key');
  if (typeof value === 'string' && !isStorable(value)) throw new Error('refused text');
  return value;
}

/**
 * Whether JSON that came inside of something else (a parameter, a JWT) holds what a body may hold: text without NUL and
 * halves of characters, which PostgreSQL cannot keep, at most 32 levels deep.
 */
export function isPlainJson(value: unknown, depth = DEEPEST_JSON): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  return Object.entries(value).every(([key, member]) => isStorable(key) && isPlainJson(member, depth - 1));
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** Whether a body comes with the request. */
export function hasBody(req: IncomingMessage): boolean {
  return req.headers['transfer-encoding'] !== undefined || declaredLength(req) > 0;
}

/** 413: the body is larger than `limit` bytes. */
export const tooLarge = (limit: number): AppError =>
  new AppError({ code: 'request.too_large', status: 413, message: `The body is larger than ${limit} bytes.` });
/** 415: the body has another media type than `wanted`, or a content encoding. */
export const unsupported = (wanted: string): AppError =>
  new AppError({
    code: 'request.unsupported_media_type',
    status: 415,
    message: `The body must be ${wanted}, without a content encoding.`,
  });
/** 400: the request contains bytes that are not UTF-8 text. */
export const invalidText = (cause?: unknown): AppError =>
  new AppError({
    code: 'request.invalid_text',
    status: 400,
    message: 'The request contains bytes that are not text.',
    cause,
  });
const invalidForm = (): AppError =>
  new AppError({
    code: 'request.invalid_form',
    status: 400,
    message: 'The form repeats a field, contains an invalid field name, or has too many fields.',
  });
const invalidJson = (cause?: unknown): AppError =>
  new AppError({
    code: 'request.invalid_json',
    status: 400,
    message: 'The body is not JSON, or is nested too deeply.',
    cause,
  });
