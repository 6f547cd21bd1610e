import { Migration } from '@mikro-orm/migrations';

/** Indexes that are kept up to date for few events instead of for each: by an actor who is not the subject, and by the log's own types. */
const PARTIAL = [
  {
    name: 'audit_event_other_actor_index',
    suffix: 'other_actor_idx',
    text: `(actor_id) where "actor_type" is distinct from "subject_type" or "actor_id" is distinct from "subject_id"`,
  },
  {
    name: 'audit_event_own_type_index',
    suffix: 'own_type_idx',
    text: `(type, at) where starts_with("type", 'audit.')`,
  },
];
const FULL = ['audit_event_actor_index', 'audit_event_type_index'];

/**
 * Replaces two indexes on all events. New indexes are built on each partition while acts write into it, and statements that wait for a
 * lock wait for a short time only, because acts wait behind them. After an interruption the next process begins again.
 */
export class Migration0039_audit_indexes extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override async up(): Promise<void> {
    for (const { name, text } of PARTIAL)
      await this.execute(patiently(`create index if not exists ${name} on only audit_event ${text}`));
    const partitions = (await this.execute(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit_event'::regclass order by 1`,
    )) as { name: string }[];
    for (const { name: partition } of partitions)
      for (const { name, suffix, text } of PARTIAL) {
        const index = `${partition}_${suffix}`;
        if (await this.#isAttached(partition, name)) continue;
        // A build waits for every transaction that began before it, and no act waits for the build.
        await this.execute('set lock_timeout = 0');
        // An interrupted build leaves an index that cannot be used.
        await this.execute(`drop index concurrently if exists ${index}`);
        await this.execute(`create index concurrently ${index} on ${partition} ${text}`);
        await this.execute('reset lock_timeout');
        await this.execute(patiently(`alter index ${name} attach partition ${index}`));
      }
    for (const name of FULL) await this.execute(patiently(`drop index if exists ${name}`));
  }

  /** Partitions that were made after the index have it from the beginning. */
  async #isAttached(partition: string, index: string): Promise<boolean> {
    const found = (await this.execute(
      `select 1 from pg_inherits i join pg_index x on x.indexrelid = i.inhrelid
       where i.inhparent = ?::regclass and x.indrelid = ?::regclass`,
      [index, partition],
    )) as unknown[];
    return found.length > 0;
  }
}

/** Statements that come later wait behind one that waits for a lock, so each attempt waits for a short time only. */
const patiently = (statement: string): string => `
  do $$
  begin
    perform set_config('lock_timeout', '200ms', true);
    for attempt in 1..200 loop
      begin
        ${statement};
        exit;
      exception when lock_not_available then
        if attempt = 200 then raise; end if;
        perform pg_sleep(0.1);
      end;
    end loop;
  end $$`;
