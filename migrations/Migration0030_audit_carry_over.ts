import { createHash } from 'node:crypto';
import { Migration } from '@mikro-orm/migrations';

/** Rows that are proved at a time, and rows that are carried over at a time. */
const BATCH = 2000;

type Row = Record<'id' | 'chain' | 'sequence' | 'at' | 'type' | 'actor_type' | 'outcome' | 'details' | 'hash', string> &
  Record<'actor_id' | 'subject_type' | 'subject_id' | 'client_id' | 'session_id', string | null> &
  Record<'ip' | 'user_agent' | 'request_id' | 'salt' | 'digest', string | null> & { is_known: boolean };

type Head = { chain: string; sequence: string; hash: string };

/**
 * Proves the chains of the previous release and carries their events over, while nodes of that release go on writing. Each statement is a
 * transaction of its own and blocks no writer; after an interruption the next process continues at the same place. Nothing is sealed
 * before the end, because servers of this release migrate first; then the sealer gives the events the numbers that they had.
 */
export class Migration0030_audit_carry_over extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override async up(): Promise<void> {
    const [found] = (await this.execute(`select to_regclass('audit_event_before')::text as name`)) as {
      name: string | null;
    }[];
    if (!found?.name) return;
    const heads = await this.execute('select chain, sequence::text, hash from audit_chain_before where events is null');
    for (const head of heads as Head[]) await this.#prove(head);
    for (;;) {
      await this.execute(MONTHS);
      const [batch] = (await this.execute(CARRY_OVER)) as { rows: number }[];
      if (!batch || batch.rows < BATCH) break;
    }
    await this.execute(COMPARE);
    await this.execute(FINISH);
  }

  async #prove(head: Head): Promise<void> {
    let previous: Buffer = Buffer.alloc(32);
    let events = 0n;
    let last = '-9223372036854775808';
    let brokenAt: string | null = null;
    for (;;) {
      const rows = (await this.execute(ROWS, [head.chain, last])) as Row[];
      for (const row of rows) {
        events += 1n;
        last = row.sequence;
        previous = chainHash(previous, row);
        const isRight = row.sequence === String(events) && isWhole(row) && previous.toString('hex') === row.hash;
        if (!isRight) brokenAt ??= row.sequence;
      }
      if (rows.length < BATCH) break;
    }
    if (head.sequence !== String(events)) brokenAt ??= String(events + 1n);
    if (events > 0n && previous.toString('hex') !== head.hash) brokenAt ??= String(events);
    await this.execute('update audit_chain_before set events = ?, broken_at = ?::bigint where chain = ?', [
      Number(events),
      brokenAt,
      head.chain,
    ]);
  }
}

const ROWS = `
  select id::text, chain, sequence::text, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, type, actor_type, actor_id,
    subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details::text, salt, digest, encode(hash, 'hex') as hash,
    salt is not null or digest is null or exists (select 1 from audit_event_before x
      where x.type = 'user.erased' and x.subject_id in (b.subject_id, b.actor_id)) as is_known
  from audit_event_before b where b.chain = ? and sequence > ?::bigint order by b.sequence limit ${BATCH}`;

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, canonical(member)]),
  );
}

function isWhole({ salt, digest, ip, user_agent: userAgent, details, is_known: isKnown }: Row): boolean {
  if (digest === null) return true;
  if (salt === null) return isKnown && ip === null && userAgent === null && details === '{}';
  const rest = JSON.stringify([salt, ip, userAgent, canonical(JSON.parse(details))]);
  return createHash('sha256').update(rest).digest('hex') === digest;
}

function chainHash(previous: Buffer, row: Row): Buffer {
  const start = [row.id, row.chain, row.sequence, row.at, row.type, row.actor_type, row.actor_id];
  const who = [row.subject_type, row.subject_id, row.client_id, row.session_id];
  const end =
    row.digest === null
      ? [row.ip, row.user_agent, row.request_id, row.outcome, canonical(JSON.parse(row.details))]
      : [row.request_id, row.outcome, row.digest];
  return createHash('sha256')
    .update(previous)
    .update(JSON.stringify([...start, ...who, ...end]))
    .digest();
}

const digestOf = (row: string) =>
  `encode(sha256(convert_to(jsonb_build_array(${row}.salt, ${row}.ip, ${row}.user_agent, ${row}.request_id, ${row}.details)::text, 'UTF8')), 'hex')`;
const SALT = `replace(gen_random_uuid()::text, '-', '')`;

/** The rows that are carried over next: the newest first, because activity pages show the newest. */
const NEXT = `select * from audit_event_before where id < (select below from audit_carried) order by id desc limit ${BATCH}`;

/** Their months. Where the default partition has events of a month already, its others go there too. */
const MONTHS = `
  do $$
  declare owner text; month timestamp; name text;
  begin
    for month in select distinct date_trunc('month', at at time zone 'utc') from (${NEXT}) n where isfinite(at)
    loop
      foreach owner in array array['audit_event', 'audit_detail'] loop
        name := owner || to_char(month, '_YYYY_MM');
        continue when to_regclass(name) is not null;
        begin
          execute format('create table %I (like %I including defaults including constraints)', name, owner);
          execute format('alter table %I attach partition %I for values from (%L) to (%L)',
            owner, name, month at time zone 'utc', (month + interval '1 month') at time zone 'utc');
        exception when check_violation or lock_not_available then null;
        end;
      end loop;
    end loop;
  end $$`;

/** The queue is read in the order of places: places from a UUID version 7 follow these. Old rows without a salt get one, so that their details can be forgotten. */
const CARRY_OVER = `
  with batch as materialized (
    select n.id, n.at, n.type, n.actor_type, n.actor_id, n.subject_type, n.subject_id, n.client_id, n.session_id, n.outcome, n.chain, n.sequence, n.hash,
      n.ip, n.user_agent, n.request_id, n.details, case when n.digest is null then ${SALT} else n.salt end as salt, c.rank
    from (${NEXT}) n join audit_chain_before c on c.chain = n.chain
  ), event as (
    insert into audit_event (id, at, type, actor_type, actor_id, subject_type, subject_id, organization_id, client_id, session_id, outcome, digest, chain, sequence, hash)
    select id, at, type, actor_type, actor_id, subject_type, subject_id, nullif(chain, 'instance'), client_id, session_id, outcome, ${digestOf('batch')}, chain, sequence, hash
    from batch
  ), detail as (
    insert into audit_detail (event_id, at, ip, user_agent, request_id, details, salt)
    select id, at, ip, user_agent, request_id, details, salt from batch
  ), unsealed as (
    insert into audit_unsealed (place, event_id, at)
    select (lpad(to_hex(rank), 8, '0') || '-0000-0000-0000-' || lpad(to_hex(sequence), 12, '0'))::uuid, id, at from batch
  ), carried as (
    update audit_carried set below = (select id from batch order by id limit 1) where exists (select 1 from batch)
  )
  select count(*)::int as rows from batch`;

/** An event that is not what it was counts as a break of its chain. Details may be forgotten meanwhile. */
const SAME = [
  'type',
  'actor_type',
  'actor_id',
  'subject_type',
  'subject_id',
  'client_id',
  'session_id',
  'outcome',
  'chain',
  'sequence',
  'hash',
];
const columns = (row: string, names: readonly string[]) => `(${names.map((name) => `${row}.${name}`).join(', ')})`;
const DETAILS = ['ip', 'user_agent', 'request_id', 'details'];
const COMPARE = `
  update audit_chain_before c set broken_at = least(c.broken_at, wrong.sequence) from (
    select b.chain, min(b.sequence) as sequence from audit_event_before b
      left join audit_event e on e.id = b.id and e.at = b.at left join audit_detail d on d.event_id = b.id and d.at = b.at
    where e.id is null or d.event_id is null or ${columns('e', SAME)} is distinct from ${columns('b', SAME)}
      or (d.salt is not null and ${columns('d', DETAILS)} is distinct from ${columns('b', DETAILS)})
    group by b.chain
  ) wrong where wrong.chain = c.chain`;

/**
 * Nodes of the previous release may have erased users meanwhile. Their rows that those nodes did not see are erased here; the lock waits for
 * erasures that have not ended. Then the result is an event of each chain: the number of events, the last hash, and the place of a break.
 */
const FINISH = `
  do $$
  declare erased text;
  begin
    perform set_config('lock_timeout', '200ms', true);
    for attempt in 1..200 loop
      begin
        lock table audit_event in share row exclusive mode;
        exit;
      exception when lock_not_available then
        if attempt = 200 then raise; end if;
        perform pg_sleep(0.1);
      end;
    end loop;
    for erased in
      select distinct x.subject_id from audit_event x where x.type = 'user.erased' and x.subject_type = 'user'
        and not exists (select 1 from audit_event_before b where b.id = x.id)
    loop
      update audit_detail d set ip = null, user_agent = null, request_id = null, details = '{}', salt = null
        from (select id, at from audit_event where subject_type = 'user' and subject_id = erased
              union select id, at from audit_event where actor_type = 'user' and actor_id = erased) e
        where d.event_id = e.id and d.at = e.at and d.salt is not null;
    end loop;
    with given as materialized (
      select overlay(overlay(gen_random_uuid()::text placing '7' from 15) placing substr(clock, 1, 8) || '-' || substr(clock, 9, 4) from 1)::uuid as id,
        date_trunc('milliseconds', now()) as at, ${SALT} as salt, null::text as ip, null::text as user_agent, null::text as request_id,
        jsonb_build_object('events', events, 'hash', hash, 'brokenAt', broken_at::text) as details,
        case when broken_at is null then 'success' else 'failure' end as outcome, nullif(chain, 'instance') as organization_id
      from audit_chain_before, lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') as clock
    ), event as (
      insert into audit_event (id, at, type, actor_type, organization_id, outcome, digest)
      select id, at, 'audit.chain_migrated', 'system', organization_id, outcome, ${digestOf('given')} from given
    ), detail as (
      insert into audit_detail (event_id, at, details, salt) select id, at, details, salt from given
    )
    insert into audit_unsealed (place, event_id, at) select id, id, at from given;
    drop table audit_event_before, audit_chain_before, audit_carried;
  end $$`;
