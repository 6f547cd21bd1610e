import { setFlagsFromString } from 'node:v8';
import { systemClock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import { serveCommands } from '#kernel/control.ts';
import { type DataFolder, ownDataFolder } from '#kernel/data-folder/data-folder.ts';
import { createLog } from '#kernel/log.ts';
import type { ProcessLife } from './process-end.ts';
import { type App, serve, type ServerOptions } from './server.ts';
import { CALLS_BEFORE_COMPILED, SETTLED_AFTER } from './limits.ts';

/** Serves until a stop signal, and prints the first addresses. Returns the exit code. */
export async function start(config: Config, life: ProcessLife): Promise<number> {
  const log = createLog({ level: config.logLevel });
  life.onOrder(async () => 0);
  // Before the port is opened: a second server on the same folder gets the message on any port.
  const folder = config.embedded
    ? await ownDataFolder(config.dataFolder, {
        task: { command: 'serve', address: config.issuer },
        onWaiting: (text) => log.warn(text),
      })
    : undefined;
  return serve({ config, log, clock: systemClock, createApp: (parts) => createServedApp(parts, folder) }, life);
}

async function createServedApp(
  parts: Parameters<ServerOptions['createApp']>[0],
  folder: DataFolder | undefined,
): Promise<App> {
  const { config, log } = parts;
  // Here and not above: the supervisor of several workers serves nothing and should not carry the product in memory.
  const { createApp } = await import('#app/app.ts');
  const app = await createApp({ ...parts, folder });
  try {
    await app.applyEnvironment();
  } catch (error) {
    await app.close();
    throw error;
  }
  setTimeout(tuneForServing, SETTLED_AFTER).unref();
  void app.startJobs().catch((err: unknown) => log.error({ err }, 'jobs not started'));
  const control = folder ? await serveCommands({ dataFolder: folder.path, run: app.run, log }) : null;
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
}

/** How V8 runs from now on: what came before was loading, which runs once. */
function tuneForServing(): void {
  // The door has kept it small while the program was loaded; under load it may grow again as V8 would have it.
  setFlagsFromString('--semi-space-growth-factor=2');
  // V8 compiles a function well when it was called 400 times without meeting a new kind of object for 500 calls. A request runs
  // thousands of functions once each, so a server would need hours of ordinary traffic to be as fast as it can be.
  for (const flag of ['invocation-count-for-maglev', 'minimum-invocations-after-ic-update'])
    setFlagsFromString(`--${flag}=${CALLS_BEFORE_COMPILED}`);
}

function greeting({ issuer, embedded }: Config, adminPath: string | null): string[] {
  return [
    `Latchkey is ready at ${issuer}`,
    ...(adminPath === null ? [] : [`  First administrator (once, within the hour): ${issuer}${adminPath}`]),
    ...(embedded ? [`  Demo, one click to sign in: ${issuer}/demo`] : []),
  ];
}
