/**
 * The socket: Node's HTTP server with every limit set, TLS of our own where it is configured, and an orderly end.
 */
import { once } from 'node:events';
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, ListenOptions } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { SECOND } from '../clock.ts';
import { ConfigError, type Config } from '../config.ts';
import { listenMend } from '../log/mend.ts';
import { declaredLength } from './body.ts';
import { tlsOptions } from './tls.ts';
import { JSON_LIMIT, REQUESTS_PER_SOCKET, SLOW_CLIENT_CHECK_INTERVAL, SLOW_CLIENT_MARGIN } from './limits.ts';

export type Listener = {
  server: Server;
  port: number;
  /** Every answer from now on closes its connection. */
  drain(): void;
  /** Takes no more connections, waits until the last answer is out, and cuts what is open after `grace` milliseconds. */
  close(grace: number): Promise<void>;
};

/** Headers within 15 s, the whole request within 30 s, an idle connection for 65 s, checks and buffers included. */
export const limits = {
  headersTimeout: 15 * SECOND - SLOW_CLIENT_MARGIN,
  requestTimeout: 30 * SECOND - SLOW_CLIENT_MARGIN,
  // Node keeps the socket a second longer than it promises, so that no request crosses the close.
  keepAliveTimeout: 64 * SECOND,
  connectionsCheckingInterval: SLOW_CLIENT_CHECK_INTERVAL,
  maxHeaderSize: 16 * 1024,
  insecureHTTPParser: false,
  // The edge asks for exactly one, and says so in its own way; a probe may come without.
  requireHostHeader: false,
} as const satisfies ServerOptions;

const served = Symbol('requests served on this socket');
type CountedSocket = Duplex & { [served]?: number };

type ListenerConfig = Pick<Config, 'port' | 'host' | 'tls'>;

/** Opens the HTTP or HTTPS listener with its limits. Rejects if the port is taken or a certificate cannot be read. */
export async function openListener(config: ListenerConfig, listener: RequestListener): Promise<Listener> {
  const active = new Set<ServerResponse>();
  let draining = false;

  const tracked: RequestListener = (req, res) => {
    // Glued to a request that was refused: already parsed, never to be served.
    if (!req.socket.writable) return;
    if (!isPlainFraming(req)) return endWith(req.socket, 400);
    active.add(res);
    res.once('close', () => active.delete(res));
    const socket: CountedSocket = req.socket;
    const count = (socket[served] ?? 0) + 1;
    socket[served] = count;
    if (draining || count >= REQUESTS_PER_SOCKET) res.shouldKeepAlive = false;
    return listener(req, res);
  };
  const server = config.tls
    ? createTlsServer({ ...limits, ...tlsOptions(config.tls), handshakeTimeout: limits.headersTimeout }, tracked)
    : createServer(limits, tracked);
  // Node's own count announces the end of a connection, does not end it, and answers what still comes with 503.
  server.maxRequestsPerSocket = 0;
  // Node would drop what is over the count without a word; the size of the block bounds it already.
  server.maxHeadersCount = 0;
  server.on('clientError', refuseMalformed);
  server.on('connect', (_req, socket: Duplex) => endWith(socket, 405, ['Allow: GET, HEAD, POST']));
  server.on('checkContinue', (req, res) => {
    // A body that will be refused is better not sent at all.
    if (declaredLength(req) <= JSON_LIMIT) res.writeContinue();
    void tracked(req, res);
  });
  await listen(server, { port: config.port, host: config.host, backlog: 1024 });

  return {
    server,
    port: (server.address() as AddressInfo).port,
    drain() {
      draining = true;
      for (const res of active) res.shouldKeepAlive = false;
    },
    async close(grace) {
      const closed = new Promise((resolve) => void server.close(resolve));
      // A connection that became idle after `close()` needs no further care.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      await Promise.race([closed, delay(grace, undefined, { ref: false })]);
      clearInterval(sweep);
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Node's parser finds out about an unknown transfer coding only when the body is read; HTTP/1.0 has none (RFC 9112 §6.1). */
function isPlainFraming({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding'];
  return coding === undefined || (coding.toLowerCase() === 'chunked' && httpVersion !== '1.0');
}

/** @throws ConfigError that names the variable of the port */
export async function listen(
  server: Server,
  options: ListenOptions & { host: string },
  variable = 'PORT',
): Promise<void> {
  const { port, host } = options;
  try {
    server.listen(options);
    await once(server, 'listening');
  } catch (cause) {
    const text = listenMend(cause, { port: port ?? 0, host, variable });
    throw text === undefined ? cause : new ConfigError(text, { cause });
  }
}

const statusOfParseErrors: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Bytes that are not HTTP never become a request: a short response, and the connection is closed with any smuggled bytes. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  endWith(socket, statusOfParseErrors[error.code ?? ''] ?? 400);
}

function endWith(socket: Duplex, status: number, headers: readonly string[] = []): void {
  const text = STATUS_CODES[status] ?? '';
  const lines = [
    `HTTP/1.1 ${status} ${text}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${text.length}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    ...headers,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}
