/** The database as it is: version, settings, migrations, and its clock. */
import { type Clock, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Finding } from './finding.ts';
import { LARGEST_DIFFERENCE, OLDEST_POSTGRES } from './limits.ts';

type Row = { name: string; setting: string };

/** Looks at the database by its own words. */
export async function databaseFindings({
  database,
  clock,
  connections,
}: {
  database: Pick<Database, 'sql' | 'embedded' | 'pendingMigrations'>;
  clock: Clock;
  /** Connections that the processes of this machine may hold. */
  connections: number;
}): Promise<Finding[]> {
  const asked = clock.now().getTime();
  const [time] = await database.sql<{ now: Date }>('select clock_timestamp() as now');
  const answered = clock.now().getTime();
  const rows = await database.sql<Row>(
    `select name, setting from pg_settings where name in
     ('server_version_num', 'server_version', 'server_encoding', 'fsync', 'full_page_writes', 'synchronous_commit', 'max_connections')`,
  );
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
  return [
    version(settings, database.embedded),
    migrations(await database.pendingMigrations()),
    ...(database.embedded ? [] : safety(settings, connections)),
    clocks(time!.now, (asked + answered) / 2),
  ];
}

function version(settings: ReadonlyMap<string, string>, isEmbedded: boolean): Finding {
  const name = 'database';
  const text = settings.get('server_version') ?? '';
  const number = Number(settings.get('server_version_num') ?? 0);
  const kind = isEmbedded ? 'Embedded PostgreSQL' : 'PostgreSQL';
  if (number < OLDEST_POSTGRES * 10_000)
    return {
      name,
      status: 'failed',
      message: `${kind} ${text} is too old.`,
      next: `Upgrade to ${OLDEST_POSTGRES} or newer.`,
    };
  if (settings.get('server_encoding') !== 'UTF8')
    return {
      name,
      status: 'failed',
      message: `The database has the encoding ${settings.get('server_encoding')}.`,
      next: 'Create a database with the encoding UTF8 and restore a backup there.',
    };
  return { name, status: 'ok', message: `${kind} ${text} answers.` };
}

/** The line about migrations; the command shows it without opening more (main/cli-doctor.ts). */
export function migrations(pending: readonly string[]): Finding {
  const name = 'migrations';
  if (pending.length === 0) return { name, status: 'ok', message: 'All migrations are applied.' };
  return {
    name,
    status: 'failed',
    message: `${pending.length} are pending: ${pending.join(', ')}.`,
    next: 'Back up the database and run migrate, or start the server, which applies them.',
  };
}

function safety(settings: ReadonlyMap<string, string>, connections: number): Finding[] {
  const name = 'database settings';
  const found: Finding[] = ['fsync', 'full_page_writes', 'synchronous_commit']
    .filter((setting) => settings.get(setting) === 'off')
    .map((setting) => ({
      name,
      status: 'warning',
      message: `${setting} is off: a crash of the database loses or damages what was written last, such as revoked tokens.`,
      next: `Set ${setting} = on.`,
    }));
  const most = Number(settings.get('max_connections') ?? 0);
  if (connections > most * 0.9)
    found.push({
      name,
      status: 'warning',
      message: `The processes here may hold ${connections} connections, and the server takes ${most}.`,
      next: 'Lower DATABASE_POOL or WEB_CONCURRENCY, or raise max_connections.',
    });
  return found.length > 0
    ? found
    : [{ name, status: 'ok', message: `Durable writes; up to ${connections} of ${most} connections.` }];
}

function clocks(theirs: Date, ours: number): Finding {
  return clockFinding('clock', 'the database', theirs.getTime() - ours);
}

/** Compares this clock with another one. */
export function clockFinding(name: string, other: string, difference: number, tolerance = LARGEST_DIFFERENCE): Finding {
  const seconds = Math.abs(difference / SECOND).toFixed(1);
  if (Math.abs(difference) <= tolerance)
    return { name, status: 'ok', message: `This clock and the clock of ${other} differ by ${seconds} s.` };
  return {
    name,
    status: 'failed',
    message: `This clock is ${seconds} s ${difference > 0 ? 'behind' : 'ahead of'} the clock of ${other}: codes and tokens are refused.`,
    next: 'Synchronize the clocks of all machines (NTP).',
  };
}
