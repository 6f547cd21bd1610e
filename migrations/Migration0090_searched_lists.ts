import { Migration } from '@mikro-orm/migrations';

/** Types that most events have are left out of the index by type: they are found by time as fast. */
const BY_TYPE = `"type" <> 'user.signed_in' and "type" <> 'user.sign_in_failed' and "type" <> 'session.ended'`;
const INDEXES = [
  { name: 'audit_event_at_index', suffix: 'at_idx', text: '(at)' },
  { name: 'audit_event_rare_type_index', suffix: 'rare_type_idx', text: `(type, at) where ${BY_TYPE}` },
  {
    name: 'audit_event_organization_index',
    suffix: 'organization_idx',
    text: '(organization_id, at) where organization_id is not null',
  },
  {
    name: 'audit_event_other_actor_at_index',
    suffix: 'other_actor_at_idx',
    text: `(actor_id, at) where "actor_type" is distinct from "subject_type" or "actor_id" is distinct from "subject_id"`,
  },
];
/** Of few artifacts: initial access tokens of dynamic registration. */
const TOKENS = 'oidc_artifact_initial_token_index';
/** The one above begins with the same column. */
const REPLACED = ['audit_event_other_actor_index'];

/**
 * Adds the indexes by which the audit log is searched, and initial access tokens are listed. They are built on each partition while acts write into it, and statements that wait for a
 * lock wait for a short time only, because acts wait behind them. After an interruption the next process begins again.
 */
export class Migration0090_searched_lists extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override async up(): Promise<void> {
    for (const { name, text } of INDEXES)
      await this.execute(patiently(`create index if not exists ${name} on only audit_event ${text}`));
    const partitions = (await this.execute(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit_event'::regclass order by 1`,
    )) as { name: string }[];
    for (const { name: partition } of partitions)
      for (const { name, suffix, text } of INDEXES) {
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
    await this.execute('set lock_timeout = 0');
    await this.execute(`drop index concurrently if exists ${TOKENS}`);
    await this.execute(
      `create index concurrently ${TOKENS} on oidc_artifact (expires_at) where kind = 'InitialAccessToken'`,
    );
    await this.execute('reset lock_timeout');
    for (const name of REPLACED) await this.execute(patiently(`drop index if exists ${name}`));
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
