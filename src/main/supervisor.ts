/**
 * One process that keeps the workers: it starts as many as asked, starts dead ones again with growing pauses, hands on
 * signals and adds up their metrics. It serves nothing itself and opens no database.
 */
import cluster, { type Worker } from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '#kernel/config.ts';
import type { Log } from '#kernel/log.ts';
import type { MetricsListener } from '#kernel/metrics.ts';
import type { Order, ProcessLife } from './process-end.ts';
import { FIRST_RESTART_PAUSE, LONGEST_RESTART_PAUSE, WORKER_HEALTHY_AFTER, WORKER_PATIENCE } from './limits.ts';

const READY = 'latchkey:ready';

/** Runs until the workers are stopped; returns the exit code. */
export async function supervise(
  config: Pick<Config, 'webConcurrency' | 'metricsPort' | 'host'>,
  log: Log,
  life: Pick<ProcessLife, 'onOrder'>,
): Promise<number> {
  const ended = Promise.withResolvers<number>();
  const begun = new WeakMap<Worker, number>();
  let wasReady = false;
  let isStopping = false;
  let pause = FIRST_RESTART_PAUSE;

  function start(): void {
    if (isStopping) return;
    const worker = cluster.fork();
    begun.set(worker, performance.now());
    worker.on('message', (message) => {
      if (message === READY) wasReady = true;
    });
  }

  function stop(order: Order): Promise<number> {
    isStopping = true;
    log.info({ order }, 'stopping workers');
    for (const worker of workers()) if (worker.isConnected()) worker.send(order);
    void delay(WORKER_PATIENCE, undefined, { ref: false }).then(killAll);
    if (workers().length === 0) ended.resolve(0);
    return ended.promise;
  }

  cluster.on('exit', (worker, code, signal) => {
    if (isStopping) {
      if (workers().length === 0) ended.resolve(0);
      return;
    }
    if (!wasReady && code > 0) {
      // The cause of a failed first start (a wrong setting) stops every further start too.
      isStopping = true;
      killAll();
      ended.resolve(code);
      return;
    }
    const lived = performance.now() - (begun.get(worker) ?? 0);
    pause = lived > WORKER_HEALTHY_AFTER ? FIRST_RESTART_PAUSE : Math.min(2 * pause, LONGEST_RESTART_PAUSE);
    log.error({ worker: worker.process.pid, exitCode: code, signal, restartInMs: pause }, 'worker died');
    setTimeout(start, pause);
  });
  life.onOrder(stop);
  // However this process ends, its workers end with it.
  process.on('exit', killAll);

  for (let i = 0; i < config.webConcurrency; i += 1) start();
  const metrics = await openMetrics(config);
  const code = await ended.promise;
  await metrics?.close();
  return code;
}

async function openMetrics({
  metricsPort,
  host,
}: Pick<Config, 'metricsPort' | 'host'>): Promise<MetricsListener | undefined> {
  if (metricsPort === undefined) return undefined;
  const { openMetricsListener, workersMetrics } = await import('#kernel/metrics.ts');
  return openMetricsListener({ metricsPort, host }, workersMetrics());
}

/** In a worker: from now on its death is an accident. */
export function tellSupervisorReady(): void {
  if (cluster.isWorker) process.send?.(READY);
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

function killAll(): void {
  for (const worker of workers()) worker.process.kill('SIGKILL');
}
