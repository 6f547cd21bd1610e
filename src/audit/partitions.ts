/** Partitions of the tables of the record: one a month, made ahead, and a default one so that no event is ever refused. */
import { type Clock, MINUTE, SECOND } from '#kernel/clock.ts';
import type { Database, OwnerQuery } from '#kernel/database.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import type { Log } from '#kernel/log.ts';
import { MONTHS_AHEAD } from './limits.ts';

export const PARTITIONED = ['audit_event', 'audit_detail', 'audit_seal'] as const;

/** Any number that no other program on this database uses: "part" as ASCII. */
const PARTITION_LOCK = '1885434484';

type Month = { suffix: string; from: string; to: string };

/** Rights to change events and seals, or to remove details: of every role but the owner, who cannot lose them. */
const EXCESS = `
      select distinct c.oid::regclass as relation, a.grantee, c.relname ~ '^audit_detail' as is_detail
      from pg_class c, aclexplode(c.relacl) a
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and c.relname ~ '^audit_(event|detail|seal)(|_default|_[0-9]{4}_[0-9]{2})$'
        and a.grantee <> c.relowner and (a.privilege_type in ('DELETE', 'TRUNCATE') or a.privilege_type = 'UPDATE' and c.relname !~ '^audit_detail')`;

/** Every role but the owner may add events and seals, never change them; of details it may only take away. */
const INSERT_ONLY = `
  do $$
  declare given record;
  begin
    for given in ${EXCESS}
    loop
      execute format('revoke delete, truncate%s on %s from %s', case when given.is_detail then '' else ', update' end, given.relation,
        case when given.grantee = 0 then 'public' else given.grantee::regrole::text end);
    end loop;
  end $$`;

type Dependencies = { clock: Clock; database: Pick<Database, 'sql' | 'asOwner'>; log: Pick<Log, 'warn' | 'info'> };

/** Creates the monthly partitions of the audit tables. */
export class AuditPartitions {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Makes what is missing for the months ahead. A failure is logged: events then go into the default partition. */
  async ensure(): Promise<void> {
    const { database, clock, log } = this.#deps;
    for (const month of monthsFrom(clock.now(), MONTHS_AHEAD)) {
      const names = PARTITIONED.map((table) => table + month.suffix);
      const missing = await database.sql(
        'select 1 from jsonb_array_elements_text($1::jsonb) name where to_regclass(name) is null',
        [JSON.stringify(names)],
      );
      if (missing.length === 0) continue;
      try {
        await database.asOwner((query) => makeMonth(query, month));
        log.info({ month: month.suffix.slice(1) }, 'partitions of the audit log made');
      } catch (err) {
        log.warn({ err, month: month.suffix.slice(1) }, 'partitions of the audit log could not be made');
      }
    }
    await this.#protect();
  }

  /** Takes away rights that were given to all tables at once. */
  async #protect(): Promise<void> {
    const { database, log } = this.#deps;
    if ((await database.sql(EXCESS)).length === 0) return;
    try {
      await database.asOwner((query) => query(INSERT_ONLY));
    } catch (err) {
      log.warn({ err }, 'a role other than the owner of the tables may change the audit log');
    }
  }
}

/** The job that makes partitions, every night. */
export function partitionJob(partitions: Pick<AuditPartitions, 'ensure'>): JobDefinition {
  return {
    schedule: '40 2 * * *',
    retries: 3,
    backoff: { first: 10 * SECOND, max: MINUTE },
    expire: 2 * MINUTE,
    handler: () => partitions.ensure(),
  };
}

async function makeMonth(query: OwnerQuery, { suffix, from, to }: Month): Promise<void> {
  await query(`select pg_advisory_xact_lock(${PARTITION_LOCK})`);
  for (const table of PARTITIONED) {
    const [row] = await query<{ found: string | null }>('select to_regclass($1)::text as found', [table + suffix]);
    if (row?.found) continue;
    // Attaching a table does not block writers, unlike creating it as a partition.
    await query(`create table ${table}${suffix} (like ${table} including defaults including constraints)`);
    await query(`alter table ${table} attach partition ${table}${suffix} for values from ('${from}') to ('${to}')`);
  }
  await query(INSERT_ONLY);
}

function monthsFrom(now: Date, count: number): Month[] {
  const at = (months: number) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)).toISOString();
  return Array.from({ length: count }, (_, months) => ({
    suffix: `_${at(months).slice(0, 7).replace('-', '_')}`,
    from: at(months),
    to: at(months + 1),
  }));
}
