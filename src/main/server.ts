/**
 * The life of a serving process: it listens before anything else, so that probes have an answer; opens the application,
 * waiting for a database that is not up yet; and stops in order on a signal.
 */
import cluster from 'node:cluster';
import type { RequestListener, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { SECOND, type Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import { isTransient } from '#kernel/database-errors.ts';
import { createHealth, type Check } from '#kernel/http/health.ts';
import { basePathOf } from '#kernel/issuer.ts';
import { openListener } from '#kernel/http/listener.ts';
import { retryAfter } from '#kernel/http/problem.ts';
import { describeError, type Log } from '#kernel/log.ts';
import type { MetricsListener, MetricsSource } from '#kernel/metrics.ts';
import type { ProcessLife } from './process-end.ts';
import { supervise, tellSupervisorReady } from './supervisor.ts';
import {
  FIRST_START_RETRY,
  GRACE_AFTER_FAULT,
  LONGEST_CLOSE,
  LONGEST_START_RETRY,
  STOP_DRAIN,
  STOP_LONGEST_ANSWER,
} from './limits.ts';

export type App = {
  callback: RequestListener;
  /** Hands back what is in progress (jobs), then closes connections. */
  close(): Promise<void>;
  /** Called once a start, by one process of all, when requests are being answered. */
  onListening?(): Promise<void>;
  checks: { database: Check; redis?: Check | undefined };
  metrics?: MetricsSource | undefined;
};

export type ServerOptions = {
  config: Config;
  log: Log;
  clock: Clock;
  createApp(parts: { config: Config; log: Log; clock: Clock }): Promise<App>;
};

export type Server = {
  port: number;
  metricsPort(): number | undefined;
  /** Settles when the application answers; rejects when it can never start. */
  ready: Promise<void>;
  /** Finishes what is in flight, within ten seconds altogether; with `grace` milliseconds for answers, sooner. */
  stop(options?: { drain?: number; grace?: number }): Promise<void>;
};

/** Listens; resolves when the port is taken. The application may still be opening: see `ready`. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { config, log } = options;
  const health = createHealth(basePathOf(config.issuerUrl));
  const stopped = new AbortController();
  let app: App | undefined;
  let metrics: MetricsListener | undefined;

  const listener = await openListener(config, (req, res) => {
    if (health.answer(req, res)) return;
    if (stopped.signal.aborted) refuse(res, 'stopping');
    else if (app === undefined) refuse(res, 'starting');
    else return app.callback(req, res);
  });

  async function open(): Promise<void> {
    const opened = await openPatiently(options, stopped.signal);
    if (opened === undefined) return;
    if (stopped.signal.aborted) return opened.close();
    app = opened;
    health.serving(app.checks);
    if (config.metricsPort !== undefined && app.metrics && !cluster.isWorker) {
      const { openMetricsListener } = await import('#kernel/metrics.ts');
      metrics = await openMetricsListener({ metricsPort: config.metricsPort, host: config.host }, app.metrics);
    }
    log.info({ port: listener.port, host: config.host, issuer: config.issuer }, 'listening');
    if (!cluster.isWorker || cluster.worker?.id === 1) await app.onListening?.();
  }

  async function stop({ drain = 0, grace = STOP_LONGEST_ANSWER } = {}): Promise<void> {
    if (stopped.signal.aborted) return;
    const begin = performance.now();
    health.stopping();
    stopped.abort();
    listener.drain();
    // Until the balancer sees the stop, its requests get a 503 that it may repeat on another node.
    if (health.isWatched()) await delay(drain);
    await listener.close(Math.max(0, grace - (performance.now() - begin)));
    // The work of an application that is still opening matters less than one that has served.
    const longestClose = app === undefined ? LONGEST_CLOSE : grace + LONGEST_CLOSE - (performance.now() - begin);
    await Promise.race([
      Promise.all([ready.catch(() => undefined).then(() => app?.close()), metrics?.close()]),
      delay(longestClose, undefined, { ref: false }),
    ]);
    log.info({ seconds: (performance.now() - begin) / SECOND }, 'stopped');
  }

  const ready = open();
  return { port: listener.port, metricsPort: () => metrics?.port, ready, stop };
}

/** Serves until an order or a fault says otherwise; the exit code of the process. */
export async function serve(options: ServerOptions, life: ProcessLife): Promise<number> {
  const { config, log } = options;
  if (config.webConcurrency > 1 && cluster.isPrimary) return supervise(config, log, life);

  const ended = Promise.withResolvers<number>();
  life.onUncaught((err, origin) => {
    // A promise that was not awaited is a fault to mend, not a reason to stop serving.
    if (origin === 'unhandledRejection') return log.error({ err }, 'unhandled rejection');
    log.fatal({ err }, 'uncaught exception');
    return ended.resolve(1);
  });
  const starting = startServer(options);
  life.onOrder(async (order) => {
    log.info({ order }, 'stopping');
    await (await starting).stop({ drain: order === 'SIGTERM' ? STOP_DRAIN : 0 });
    return 0;
  });
  const server = await starting;
  server.ready.then(tellSupervisorReady, ended.reject);
  try {
    return await ended.promise;
  } finally {
    await server.stop({ grace: GRACE_AFTER_FAULT });
  }
}

/** Opens the application, however long it waits for its database; undefined when it was stopped meanwhile. */
async function openPatiently(
  { config, log, clock, createApp }: ServerOptions,
  stopped: AbortSignal,
): Promise<App | undefined> {
  for (let wait = FIRST_START_RETRY; !stopped.aborted; wait = Math.min(2 * wait, LONGEST_START_RETRY)) {
    try {
      return await createApp({ config, log, clock });
    } catch (error) {
      if (config.embedded || !isTransient(error)) throw error;
      log.warn({ reason: describeError(error), retryInMs: wait }, 'the database is not there yet');
      await delay(wait, undefined, { signal: stopped }).catch(() => undefined);
    }
  }
  return undefined;
}

function refuse(res: ServerResponse, state: 'starting' | 'stopping'): void {
  const text = `This server is ${state}. Try again shortly.\n`;
  res.writeHead(503, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...retryAfter(1),
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    Connection: 'close',
  });
  res.end(text);
}
