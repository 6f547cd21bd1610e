/**
 * Documents that are the same for everybody (discovery, key sets) are answered from bytes that are ready, before any
 * middleware runs: relying parties ask for them all the time. The cache holds the application's own response of a
 * moment ago, headers included; it is forgotten after a second, and at once when something that it says has changed.
 */
import type { IncomingMessage, OutgoingHttpHeaders, RequestListener } from 'node:http';
import { SECOND } from '../clock.ts';
import { basePathOf } from '../issuer.ts';
import type { Middleware } from './context.ts';
import type { Mount } from './mounts.ts';
import { countHeaders } from './origin.ts';
import type { AnsweredRequest } from './request-log.ts';
import { READY_ANSWER_LIFETIME } from './limits.ts';

type Ready = { headers: OutgoingHttpHeaders; body: Buffer; until: number; mount: Mount };

type ReadyMade = {
  /** Answers what is ready and hands everything else on. */
  wrap(listener: RequestListener): RequestListener;
  /** Keeps the answers of mounts that are `constant`. */
  keep: Middleware;
  forget(): void;
};

/** Headers on which the answer, or whether there is one, could depend: with any of them the application decides. */
export const decidingHeaders = [
  'origin',
  'transfer-encoding',
  'content-encoding',
  'if-none-match',
  'if-modified-since',
  'range',
  'expect',
] as const;
const deciding = [...decidingHeaders, 'content-length'] as const;

/**
 * Creates the cache of constant documents. `observe` receives each response that the cache sends, for log and
 * metrics.
 */
export function createReadyMade(issuer: URL, observe?: (request: AnsweredRequest) => void): ReadyMade {
  const ready = new Map<string, Ready>();
  const basePath = basePathOf(issuer);

  function find(req: IncomingMessage): Ready | undefined {
    const found = req.method === 'GET' ? ready.get(req.url ?? '') : undefined;
    if (!found || found.until < performance.now()) return undefined;
    const isPlain =
      req.headers.host === issuer.host &&
      countHeaders(req.rawHeaders, 'host') === 1 &&
      deciding.every((name) => req.headers[name] === undefined);
    return isPlain ? found : undefined;
  }

  return {
    wrap(listener) {
      return function answerReady(req, res) {
        const begin = performance.now();
        const found = find(req);
        if (!found) return listener(req, res);
        res.writeHead(200, found.headers);
        res.end(found.body);
        observe?.({ mount: found.mount, method: 'GET', status: 200, seconds: (performance.now() - begin) / SECOND });
      };
    },
    async keep(ctx, next) {
      await next();
      const { mount } = ctx.state;
      // The address is looked up whole, so only the plain one is kept: a query would let strangers fill the memory.
      if (!mount?.constant || ctx.method !== 'GET' || ctx.status !== 200 || ctx.originalUrl !== mount.path) return;
      if (deciding.some((name) => ctx.req.headers[name] !== undefined) || ctx.res.hasHeader('Set-Cookie')) return;
      const body = bytesOf(ctx.body);
      if (body === undefined) return;
      const headers = { ...ctx.res.getHeaders(), 'content-length': body.length };
      ready.set(`${basePath}${mount.path}`, { headers, body, until: performance.now() + READY_ANSWER_LIFETIME, mount });
    },
    forget: () => ready.clear(),
  };
}

function bytesOf(body: unknown): Buffer | undefined {
  if (Buffer.isBuffer(body)) return body;
  if (typeof body === 'string') return Buffer.from(body);
  return typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype
    ? Buffer.from(JSON.stringify(body))
    : undefined;
}
