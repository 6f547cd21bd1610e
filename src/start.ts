import { setFlagsFromString } from 'node:v8';
import { serve } from './server.ts';
import { SECOND, systemClock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import { serveCommands } from '#kernel/control.ts';
import { createLog } from '#kernel/log.ts';

/** What follows the first answers, such as the queues of jobs, is loaded by then. */
const SETTLED = 3 * SECOND;

/** Serves until it is told to stop, and says where to go first. Answers with the exit code. */
export function start(config: Config): Promise<number> {
  return serve({
    config,
    log: createLog({ level: config.logLevel }),
    clock: systemClock,
    async createApp(parts) {
      // Here and not above: the supervisor of several workers serves nothing and should not carry the product in memory.
      const { createApp } = await import('./app.ts');
      const app = await createApp(parts);
      // The door has kept it small while the program was loaded; under load it may grow again as V8 would have it.
      setTimeout(() => setFlagsFromString('--semi-space-growth-factor=2'), SETTLED).unref();
      void app.startJobs().catch((err: unknown) => parts.log.error({ err }, 'jobs not started'));
      const control = config.embedded
        ? await serveCommands({ dataFolder: config.dataFolder, commands: app.commands, log: parts.log })
        : null;
      return {
        ...app,
        async onListening() {
          const link = await app.setup.openLink();
          process.stdout.write(`${greeting(config, link).join('\n')}\n`);
        },
        async close() {
          await control?.close();
          await app.close();
        },
      };
    },
  });
}

function greeting({ issuer, embedded }: Config, adminPath: string | null): string[] {
  return [
    `Latchkey is ready at ${issuer}`,
    ...(adminPath === null ? [] : [`  First administrator (once, within the hour): ${issuer}${adminPath}`]),
    ...(embedded ? [`  Demo, one click to sign in: ${issuer}/demo`] : []),
  ];
}
