/** An edge on a real socket with a few routes behind it, and raw connections to it: fetch would mend what is to be tested. */
import { connect } from 'node:net';
import { Router } from '#kernel/http/router.ts';
import { pino } from 'pino';
import { Writable } from 'node:stream';
import { systemClock } from '#kernel/clock.ts';
import { readConfig, type Config } from '#kernel/config.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import { createEdge, type Edge } from '#kernel/http/edge.ts';
import { openListener } from '#kernel/http/listener.ts';
import type { Context, State } from '#kernel/http/context.ts';
import type { Mount } from '#kernel/http/mounts.ts';
import type { AnsweredRequest } from '#kernel/http/request-log.ts';
import { defaultBrand } from '#kernel/brand.ts';
import { createRenderer } from '#kernel/views.ts';

export const testSecret = 'a secret of the tests, long enough for a ring';

export const testMounts: readonly Mount[] = [
  { path: '/', audience: 'page', methods: ['GET'] },
  { path: '/page', audience: 'page', methods: ['GET', 'POST'] },
  { path: '/page/*', audience: 'page', methods: ['GET'] },
  { path: '/api/*', audience: 'problem', methods: ['GET', 'POST', 'PATCH', 'DELETE'] },
  { path: '/oauth/token', audience: 'oauth', methods: ['POST', 'OPTIONS'], crossOrigin: true, delegated: true },
  { path: '/oauth/keys', audience: 'oauth', methods: ['GET'], crossOrigin: true },
];

export type Routes = (router: Router<State>) => void;

export type TestEdge = {
  port: number;
  origin: string;
  host: string;
  /** Lines of the log, parsed. */
  log: Record<string, unknown>[];
  answered: AnsweredRequest[];
  edge: Edge;
  close(): Promise<void>;
};

type TestEdgeOptions = {
  routes?: Routes;
  env?: Record<string, string> | ((port: number) => Record<string, string>);
  use?: (edge: Edge) => void;
  mounts?: readonly Mount[];
};

export async function openEdge({ routes, env, use, mounts = testMounts }: TestEdgeOptions = {}): Promise<TestEdge> {
  const log: Record<string, unknown>[] = [];
  const answered: AnsweredRequest[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log.push(JSON.parse(String(chunk)) as Record<string, unknown>);
      done();
    },
  });
  let listener: ReturnType<Edge['callback']> | undefined;
  const socket = await openListener({ port: 0, host: '127.0.0.1', tls: undefined }, (req, res) => listener?.(req, res));
  const given = typeof env === 'function' ? env(socket.port) : env;
  const config: Config = readConfig({ ISSUER: `http://localhost:${socket.port}`, ...given });
  const edge = createEdge({
    config,
    log: pino({ level: 'debug' }, destination),
    clock: systemClock,
    keyRing: createKeyRing([testSecret]),
    renderer: createRenderer({ brand: () => defaultBrand, assetUrl: (name) => `/assets/${name}` }),
    mounts,
    observe: (request) => answered.push(request),
  });
  use?.(edge);
  const router = new Router<State>();
  routes?.(router);
  edge.use(router.routes() as never);
  listener = edge.callback();
  return {
    port: socket.port,
    origin: config.issuer,
    host: config.issuerUrl.host,
    log,
    answered,
    edge,
    close: () => socket.close(0),
  };
}

/** Sends bytes as they are and gives back all that came until the other side closed, or `quiet` milliseconds of silence. */
export function raw(port: number, bytes: string | Buffer, quiet = 600): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const done = (): void => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    socket.setTimeout(quiet, done);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', done);
  });
}

/** A request in full, closed after its answer. */
export function request(
  edge: Pick<TestEdge, 'port' | 'host'>,
  line: string,
  headers: readonly string[] = [],
  body = '',
): Promise<string> {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return raw(
    edge.port,
    [`${line} HTTP/1.1`, `Host: ${edge.host}`, 'Connection: close', ...length, ...headers, '', body].join('\r\n'),
  );
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}

export function headerOf(answer: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, 'im').exec(answer.split('\r\n\r\n', 1)[0]!)?.[1]?.trim();
}

export function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

export type { Context };
