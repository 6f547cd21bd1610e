/** A process that serves as Latchkey does, with an application small enough to misbehave on demand. */
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '#kernel/clock.ts';
import { readConfig } from '#kernel/config.ts';
import { createLog } from '#kernel/log.ts';
import { createMetrics } from '#kernel/metrics.ts';
import { runToEnd } from '../../src/main/process-end.ts';
import { serve, type App } from '../../src/main/server.ts';

const routes: Record<string, () => unknown> = {
  '/slow': () => {
    process.stdout.write('slow begun\n');
    return delay(1000);
  },
  '/crash': () => process.exit(7),
  '/reject': () => void Promise.reject(new Error('nobody awaited me')),
  '/throw': () =>
    void setImmediate(() => {
      throw new Error('nobody caught me');
    }),
};

async function createApp(): Promise<App> {
  if (process.argv.includes('--broken')) throw new Error('this can never start');
  const metrics = createMetrics();
  return {
    metrics,
    checks: { database: async () => 1 },
    async callback(req, res) {
      await routes[req.url ?? '']?.();
      metrics.countToken('test');
      res.end(String(process.pid));
    },
    async onListening() {
      process.stdout.write('first words\n');
    },
    async close() {
      process.stdout.write('closed\n');
    },
  };
}

runToEnd(
  (life) => serve({ config: readConfig(), log: createLog({ level: 'info' }), clock: systemClock, createApp }, life),
  (error) => void process.stderr.write(`${String(error)}\n`),
);
