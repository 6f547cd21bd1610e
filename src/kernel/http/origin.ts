/**
 * One public origin, from the configuration. Koa derives protocol, host and addresses from headers; here it cannot, so no
 * link, redirect, cookie attribute or metadata can contain text from a request.
 */
import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import { AppError } from '../errors.ts';
import { issuerOf, type OwnAddress } from '../issuer.ts';
import type { State } from './context.ts';

/** Pins what `ctx.request` says about where it arrived. To be called on every Koa application, the engine's too. */
export function pinOrigin(app: Pick<Koa, 'request'>, issuer: URL): void {
  const pinned = {
    protocol: issuer.protocol.slice(0, -1),
    secure: issuer.protocol === 'https:',
    host: issuer.host,
    hostname: issuer.hostname,
    origin: issuer.origin,
    subdomains: [] as string[],
    ips: [] as string[],
  };
  for (const [name, value] of Object.entries(pinned)) define(app.request, name, () => value);
  define(app.request, 'href', (request) => `${issuerOf(issuer)}${request.originalUrl}`);
  define(app.request, 'URL', (request) => new URL(`${issuerOf(issuer)}${request.originalUrl}`));
  define(app.request, 'ip', (request) => (request.ctx.state as State).ip);
}

function define(target: object, name: string, read: (request: Koa.Request) => unknown): void {
  Object.defineProperty(target, name, {
    configurable: true,
    get(this: Koa.Request) {
      return read(this);
    },
  });
}

/**
 * Refuses a request for another host: 400 when the Host is missing, given twice or no host, 421 when it is another one
 * (RFC 9110 §7.4). The answers never repeat the name.
 *
 * @returns the origin that the request is for, one of the configuration: the issuer's or an alias
 */
export function requireOwnHost(req: IncomingMessage, { issuerUrl: issuer, issuerAliases }: OwnAddress): string {
  if (countHeaders(req.rawHeaders, 'host') !== 1) throw badHost();
  const host = req.headers.host ?? '';
  if (host === issuer.host) return issuer.origin;
  if (!/^(\[[\da-f:.]+\]|[a-z\d_.-]+)(:\d{1,5})?$/i.test(host)) throw badHost();
  // The default port may be written out, and case does not count (RFC 3986 §6.2.2.1).
  const origin = URL.parse(`${issuer.protocol}//${host}`)?.origin;
  if (origin !== undefined && (origin === issuer.origin || issuerAliases.includes(origin))) return origin;
  throw new AppError({
    code: 'request.misdirected',
    status: 421,
    message: `This server answers only for ${issuer.origin}.`,
  });
}

/** Refuses credentials that are sent twice: of two headers one reader takes the first and another the last (RFC 9110 §5.3). */
export function requireSingleCredentials(req: IncomingMessage): void {
  if (req.headers.authorization === undefined || countHeaders(req.rawHeaders, 'authorization') === 1) return;
  throw new AppError({
    code: 'request.repeated_authorization',
    status: 400,
    message: 'The request must have the header Authorization at most once.',
  });
}

/** The number of headers of a name in lower case in the raw header list of a request, which Node merges elsewhere. */
export function countHeaders(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.length === name.length && rawHeaders[i]!.toLowerCase() === name) count += 1;
  return count;
}

const badHost = (): AppError =>
  new AppError({ code: 'request.invalid_host', status: 400, message: 'The request must name its host exactly once.' });
