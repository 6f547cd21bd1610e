/**
 * Calls that are answered before any middleware runs. A service asks the same many times a second, and all that the middleware
 * prepares for pages, forms and the engine costs several times the answer. Only what has no effect and is written in the plainest way
 * is answered here. Everything else goes to the application, also each refusal: the application answers it again and says what is wrong.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { collect } from './body.ts';
import type { AddressResolver } from './client-address.ts';
import { joinedHeader, type visitorOf } from './context.ts';
import { JSON_LIMIT, LONGEST_USER_AGENT } from './limits.ts';
import type { Mount, Mounts } from './mounts.ts';
import { countHeaders } from './origin.ts';
import { decidingHeaders } from './ready-made.ts';
import { type AnsweredRequest, writeLine } from './request-log.ts';
import { securityHeadersOfData } from './security-headers.ts';

/** `fields`: headers of this answer, names and values in turn. */
type DirectAnswer = { json: string | Buffer; fields: readonly string[] };
/**
 * Answers a call with JSON and status 200. Null, or an error, where the application is to answer. `body` is empty where none came. It may
 * run again for the same call, so it must have no effect.
 */
type DirectCall = (visitor: ReturnType<typeof visitorOf>, body: Buffer) => Promise<DirectAnswer | null>;
/** Finds the answer to a call by method, path and credentials, which are all that it may look at. */
export type DirectCalls = { find(req: IncomingMessage): DirectCall | undefined };

type Dependencies = {
  config: Pick<Config, 'issuerUrl'>;
  log: Log;
  addresses: Pick<AddressResolver, 'resolve'>;
  mounts: Pick<Mounts, 'find'>;
  observe: ((request: AnsweredRequest) => void) | undefined;
};

/** A GET without a length and a transfer coding has no body (RFC 9112 §6.3). */
const NO_BODY = Buffer.alloc(0);
const deciding = [...decidingHeaders, 'dpop', 'if-match', 'if-unmodified-since', 'idempotency-key'] as const;

/** Wraps the listener of the application. */
export function answerDirectly({ config, log, addresses, mounts, observe }: Dependencies, calls: DirectCalls) {
  const { host } = config.issuerUrl;
  const headersAt = new Map<Mount, readonly string[]>();

  /** Names and values in turn. */
  function headersOf(mount: Mount): readonly string[] {
    const known = headersAt.get(mount);
    if (known !== undefined) return known;
    const headers = { ...securityHeadersOfData(config, mount), 'Content-Type': 'application/json; charset=utf-8' };
    const flat = Object.entries(headers).flat();
    headersAt.set(mount, flat);
    return flat;
  }

  async function answer(req: IncomingMessage, res: Parameters<RequestListener>[1], call: DirectCall): Promise<boolean> {
    const begin = performance.now();
    const { method = '', url = '', headers, socket } = req;
    const path = url.split('?', 1)[0]!;
    const ip = addresses.resolve(socket.remoteAddress, joinedHeader(headers['x-forwarded-for']));
    const userAgent = (headers['user-agent'] ?? '').slice(0, LONGEST_USER_AGENT);
    const visitor = { ip, userAgent, requestId: randomUUID() };
    const body = method === 'GET' ? NO_BODY : await collect(req, JSON_LIMIT);
    const answered = body && (await call(visitor, body));
    if (!answered) return false;
    const { json, fields } = answered;
    const mount = mounts.find(path)!;
    const length = Buffer.byteLength(json);
    res.writeHead(200, [...headersOf(mount), ...fields, 'Content-Length', String(length)]);
    // Text goes out in one write with the headers; where it is ASCII alone, it needs no encoding.
    res.end(json, length === json.length ? 'latin1' : 'utf8');
    const milliseconds = performance.now() - begin;
    observe?.({ mount, method, status: 200, seconds: milliseconds / 1000 });
    if (log.isLevelEnabled('info')) writeLine(log, { ...visitor, method, path, status: 200, milliseconds });
    return true;
  }

  return (listener: RequestListener): RequestListener =>
    function answerDirect(req, res) {
      const call = isPlain(req, host) ? calls.find(req) : undefined;
      if (!call) return listener(req, res);
      answer(req, res, call).then(
        (isAnswered) => isAnswered || listener(req, res),
        () => listener(req, res),
      );
    };
}

function isPlain({ method, headers, rawHeaders }: IncomingMessage, host: string): boolean {
  if (headers.host !== host || headers.authorization === undefined) return false;
  if (countHeaders(rawHeaders, 'host') !== 1 || countHeaders(rawHeaders, 'authorization') !== 1) return false;
  if (deciding.some((name) => headers[name] !== undefined)) return false;
  const length = headers['content-length'];
  if (method === 'GET') return length === undefined;
  if (method !== 'POST' || length === undefined || !(Number(length) > 0 && Number(length) <= JSON_LIMIT)) return false;
  return /^application\/json(; ?charset=utf-8)?$/i.test(headers['content-type'] ?? '');
}
