/** The command `doctor`: a report about the installation, also where the configuration is wrong or no database opens. */
import type { Command } from 'commander';
import { migrations } from '#doctor/database.ts';
import type { Report } from '#doctor/module.ts';
import { type Config, ConfigError } from '#kernel/config.ts';
import { createLog, describeError } from '#kernel/log.ts';
import { leafOf } from './cli-operations.ts';
import { execute } from './cli-run.ts';

type Place = Parameters<typeof execute>[0];
type Line = Report['findings'][number] & { next?: string | null };
type Shown = { status: Report['status']; findings: readonly Line[] };

/** Defines `doctor`. */
export function defineDoctor(program: Command, run: (command: Command) => Promise<void>): void {
  leafOf(
    program,
    'doctor',
    'Examine the installation, and say the next step for each line that is not well. Exit code 1 when something failed.',
  ).action((_options: unknown, command: Command) => run(command));
}

/** The report; a fault that leaves nothing to look at is a line of it. */
export async function examineHere(placeOf: () => Place): Promise<Shown> {
  let place: Place;
  try {
    place = placeOf();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.message.split('\n');
    return failed(
      lines.map((message) => line('configuration', message, 'Correct the variable (docs/configuration.md).')),
    );
  }
  try {
    const pending = place.openApp === undefined ? await pendingOf(place.config) : [];
    if (pending.length > 0) {
      return failed([migrations(pending)]);
    }
    const answer = await execute(place, { name: 'instance.check', isList: false }, {});
    if (answer.ok) return answer.result as Shown;
    return failed([line('instance', answer.message, 'Look at the log of the server.')]);
  } catch (error) {
    return failed([line('database', describeError(error), nextFor(place.config))]);
  }
}

/** Every other command migrates the database as it opens it; this one only looks. */
async function pendingOf(config: Config): Promise<readonly string[]> {
  if (config.databaseUrl === undefined) return [];
  const [{ reachDatabase }, { openDatabase }] = await Promise.all([
    import('#kernel/database-lock.ts'),
    import('#kernel/database.ts'),
  ]);
  await reachDatabase({ connectionString: config.databaseUrl, connectSeconds: config.databaseConnectSeconds });
  const database = await openDatabase({ config, log: createLog({ level: 'silent' }), entities: [] });
  try {
    return await database.pendingMigrations();
  } finally {
    await database.close();
  }
}

const failed = (findings: readonly Line[]): Shown => ({ status: 'failed', findings });
const line = (name: string, message: string, next: string): Line => ({ name, status: 'failed', message, next });

const nextFor = ({ embedded }: Config): string =>
  embedded
    ? 'Run doctor where the server was started, or set LATCHKEY_DATA to its folder.'
    : 'Check DATABASE_URL: host, port, user, password and name of the database.';

/** A line for each finding, and below it the next step. */
export function readableReport({ status, findings }: Shown): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, status: each, message, next }) => [
    `${each.padEnd(7)}  ${name.padEnd(width)}  ${message}`,
    ...(next ? [`${' '.repeat(7)}  ${' '.repeat(width)}  → ${next}`] : []),
  ]);
  return [...lines, '', `In all: ${status}`].join('\n');
}
