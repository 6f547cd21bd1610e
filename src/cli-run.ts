import type { App } from './app.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import { askRunning, type CommandAnswer, runCommand } from '#kernel/control.ts';
import { createLog } from '#kernel/log.ts';

/** Has commands run in the running process when the database is embedded and one has it open, else here, opened once. */
export function openCommands(config: Config) {
  let app: App | undefined;
  return {
    async run(name: string, input: unknown): Promise<CommandAnswer> {
      const answered = config.embedded && !app ? await askRunning(config.dataFolder, name, input) : null;
      if (answered) return answered;
      // Loaded here alone: a command that a running node answers needs none of the product.
      const { createApp } = await import('./app.ts');
      app ??= await createApp({ config, log: createLog({ level: 'warn' }), clock: systemClock });
      return runCommand(app.commands, name, input);
    },
    async close(): Promise<void> {
      await app?.close();
    },
  };
}

export async function execute(config: Config, name: string, input: unknown): Promise<CommandAnswer> {
  const commands = openCommands(config);
  try {
    return await commands.run(name, input);
  } finally {
    await commands.close();
  }
}

/** Opening the database migrates it. */
export async function migrate(config: Config): Promise<void> {
  const { createApp } = await import('./app.ts');
  const app = await createApp({ config, log: createLog({ level: config.logLevel }), clock: systemClock });
  await app.close();
  process.stdout.write('The database is up to date.\n');
}

export function print(answer: CommandAnswer, asJson: boolean): void {
  if (!answer.ok) {
    process.stderr.write(
      asJson
        ? `${JSON.stringify({ error: answer.code, message: answer.message, details: answer.details })}\n`
        : `latchkey: ${answer.message}\n`,
    );
    return;
  }
  process.stdout.write(asJson ? `${JSON.stringify(answer.result, null, 2)}\n` : `${readable(answer.result, '')}\n`);
}

/** `name  value` lines; lists as blocks. */
function readable(value: unknown, indent: string): string {
  if (Array.isArray(value))
    return value.length === 0
      ? `${indent}(none)`
      : value.map((item) => readable(item, indent)).join(indent === '' ? '\n\n' : '\n');
  if (value === null || typeof value !== 'object') return `${indent}${String(value)}`;
  const width = Math.max(0, ...Object.keys(value).map((name) => name.length));
  return Object.entries(value)
    .map(([name, item]) =>
      item !== null && typeof item === 'object'
        ? `${indent}${name}\n${readable(item, `${indent}  `)}`
        : `${indent}${name.padEnd(width)}  ${String(item)}`,
    )
    .join('\n');
}
