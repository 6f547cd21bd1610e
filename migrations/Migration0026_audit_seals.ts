import { createHash } from 'node:crypto';
import { Migration } from '@mikro-orm/migrations';

/** Rows that are proved at a time. */
const BATCH = 2000;

type Row = Record<'id' | 'chain' | 'sequence' | 'at' | 'type' | 'actor_type' | 'outcome' | 'details' | 'hash', string> &
  Record<'actor_id' | 'subject_type' | 'subject_id' | 'client_id' | 'session_id', string | null> &
  Record<'ip' | 'user_agent' | 'request_id' | 'salt' | 'digest', string | null> & { is_known: boolean };

type Proof = { chain: string; events: number; hash: string; brokenAt: string | null };

/**
 * Events, their details and their seals are three tables, partitioned by month, and a queue of events that have no seal yet.
 * The rows of before are proved and carried over; the sealer gives them the numbers that they had. Nodes of the release before
 * go on writing into audit_event as they did: a trigger takes what they write apart. A later release drops the old columns.
 */
export class Migration0026_audit_seals extends Migration {
  override async up(): Promise<void> {
    await this.execute('alter table audit_event rename to audit_event_before');
    for (const index of ['pkey', 'chain_sequence_unique', 'subject_index', 'type_index', 'actor_index'])
      await this.execute(`alter index audit_event_${index} rename to audit_event_before_${index}`);
    for (const statement of TABLES) await this.execute(statement);
    await this.execute(PARTITIONS);
    const proofs = await this.#proveAll();
    for (const statement of CARRY_OVER) await this.execute(statement);
    for (const { chain, ...proof } of proofs)
      await this.execute(CARRIED, [JSON.stringify(proof), proof.brokenAt, chain]);
    await this.execute('drop table audit_event_before');
    for (const statement of TRIGGERS) await this.execute(statement);
    await this.execute(INSERT_ONLY);
  }

  async #proveAll(): Promise<Proof[]> {
    const heads = (await this.execute(
      `select chain, sequence::text, encode(hash, 'hex') as hash from audit_chain
       union all select distinct chain, '0', '' from audit_event_before b
         where not exists (select 1 from audit_chain c where c.chain = b.chain)`,
    )) as { chain: string; sequence: string; hash: string }[];
    const proofs: Proof[] = [];
    for (const head of heads) proofs.push(await this.#prove(head));
    return proofs;
  }

  async #prove(head: { chain: string; sequence: string; hash: string }): Promise<Proof> {
    let previous: Buffer = Buffer.alloc(32);
    let events = 0n;
    let last = '0';
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
    return { chain: head.chain, events: Number(events), hash: head.hash, brokenAt };
  }
}

const ROWS = `
  select id::text, chain, sequence::text, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, type, actor_type, actor_id,
    subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details::text, salt, digest, encode(hash, 'hex') as hash,
    salt is not null or digest is null or exists (select 1 from audit_event_before x
      where x.type = 'user.erased' and x.subject_id in (b.subject_id, b.actor_id)) as is_known
  from audit_event_before b where chain = ? and sequence > ?::bigint order by b.sequence limit ${BATCH}`;

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

const TABLES = [
  `create table audit_event (
    id uuid not null, at timestamptz(3) not null, type text not null, actor_type text not null, actor_id text null,
    subject_type text null, subject_id text null, organization_id text null, client_id text null, session_id text null, outcome text not null, digest text not null,
    chain text null, sequence bigint null, ip text null, user_agent text null, request_id text null, details jsonb null default '{}', salt text null, hash bytea null,
    constraint audit_event_pkey primary key (id, at)
  ) partition by range (at)`,
  'create index audit_event_subject_index on audit_event (subject_type, subject_id, at)',
  'create index audit_event_type_index on audit_event (type, at)',
  'create index audit_event_actor_index on audit_event (actor_id)',
  `create table audit_detail (
    event_id uuid not null, at timestamptz(3) not null, ip text null, user_agent text null, request_id text null, details jsonb not null, salt text null,
    constraint audit_detail_pkey primary key (event_id, at)
  ) partition by range (at)`,
  `create table audit_seal (
    chain text not null, sequence bigint not null, sealed_at timestamptz(3) not null, event_id uuid not null, event_at timestamptz(3) not null, key_id text not null, seal bytea not null,
    constraint audit_seal_pkey primary key (chain, sequence, sealed_at)
  ) partition by range (sealed_at)`,
  'create index audit_seal_event_index on audit_seal (event_id)',
  // Emptied as fast as it is filled: what is dead must not wait for a fifth of the table.
  `create table audit_unsealed (
    place uuid not null, event_id uuid not null, at timestamptz(3) not null,
    constraint audit_unsealed_pkey primary key (place)
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)`,
  `create table audit_seal_key (
    id text not null, sealed text not null, created_at timestamptz(3) not null,
    constraint audit_seal_key_pkey primary key (id)
  )`,
  `create view audit_record as
    select e.id, e.at, e.type, e.actor_type, e.actor_id, e.subject_type, e.subject_id, e.organization_id, e.client_id, e.session_id, e.outcome,
      d.ip, d.user_agent, d.request_id, coalesce(d.details, '{}'::jsonb) as details
    from audit_event e left join audit_detail d on d.event_id = e.id and d.at = e.at`,
];

/** A default one, and one for each month that has rows, for this month and for the two after it. */
const PARTITIONS = `
  do $$
  declare owner text; month timestamp;
  begin
    foreach owner in array array['audit_event', 'audit_detail', 'audit_seal'] loop
      execute format('create table %I partition of %I default', owner || '_default', owner);
      for month in
        select distinct date_trunc('month', at at time zone 'utc') from audit_event_before
        union select date_trunc('month', now() at time zone 'utc') + n * interval '1 month' from generate_series(0, 2) n
      loop
        execute format('create table %I partition of %I for values from (%L) to (%L)',
          owner || to_char(month, '_YYYY_MM'), owner, month at time zone 'utc', (month + interval '1 month') at time zone 'utc');
      end loop;
    end loop;
  end $$`;

const digestOf = (row: string) =>
  `encode(sha256(convert_to(jsonb_build_array(${row}.salt, ${row}.ip, ${row}.user_agent, ${row}.request_id, ${row}.details)::text, 'UTF8')), 'hex')`;
const SALT = `replace(gen_random_uuid()::text, '-', '')`;

const CARRY_OVER = [
  // Their details can be forgotten from now on, so they need a salt.
  `update audit_event_before set salt = ${SALT} where digest is null`,
  `insert into audit_event (id, at, type, actor_type, actor_id, subject_type, subject_id, organization_id, client_id, session_id, outcome, digest, chain, sequence, hash)
    select id, at, type, actor_type, actor_id, subject_type, subject_id, nullif(chain, 'instance'), client_id, session_id, outcome, ${digestOf('b')}, chain, sequence, hash
    from audit_event_before b`,
  `insert into audit_detail (event_id, at, ip, user_agent, request_id, details, salt)
    select id, at, ip, user_agent, request_id, details, salt from audit_event_before`,
  // The queue is read in the order of places: places from a UUID version 7 follow these.
  `insert into audit_unsealed (place, event_id, at)
    select (lpad(to_hex(dense_rank() over (order by chain)), 8, '0') || '-0000-0000-0000-' || lpad(to_hex(sequence), 12, '0'))::uuid, id, at
    from audit_event_before`,
];

/** The result, as an event of the chain: the number of events, the last hash, and the place of a break. */
const CARRIED = `
  with given as (
    select gen_random_uuid() as id, date_trunc('milliseconds', now()) as at, ${SALT} as salt, null::text as ip, null::text as user_agent, null::text as request_id,
      ?::jsonb as details, case when ?::text is null then 'success' else 'failure' end as outcome, nullif(?, 'instance') as organization_id
  ), event as (
    insert into audit_event (id, at, type, actor_type, organization_id, outcome, digest)
    select id, at, 'audit.chain_migrated', 'system', organization_id, outcome, ${digestOf('given')} from given
  ), detail as (
    insert into audit_detail (event_id, at, details, salt) select id, at, details, salt from given
  )
  insert into audit_unsealed (place, event_id, at) select id, id, at from given`;

const TRIGGERS = [
  `create function audit_event_of_release_before() returns trigger language plpgsql as $$
    begin
      new.salt := coalesce(new.salt, ${SALT});
      new.organization_id := nullif(new.chain, 'instance');
      new.digest := ${digestOf('new')};
      insert into audit_detail (event_id, at, ip, user_agent, request_id, details, salt)
        values (new.id, new.at, new.ip, new.user_agent, new.request_id, new.details, new.salt);
      insert into audit_unsealed (place, event_id, at) values (new.id, new.id, new.at);
      new.ip := null; new.user_agent := null; new.request_id := null; new.details := '{}'; new.salt := null;
      return new;
    end $$`,
  `create trigger audit_event_of_release_before before insert on audit_event
    for each row when (new.hash is not null) execute function audit_event_of_release_before()`,
  `create function audit_event_forgotten() returns trigger language plpgsql as $$
    begin
      update audit_detail set ip = null, user_agent = null, request_id = null, details = '{}', salt = null
        where event_id = old.id and at = old.at;
      return null;
    end $$`,
  `create trigger audit_event_forgotten before update of salt on audit_event
    for each row execute function audit_event_forgotten()`,
];

/** Every role but the owner may add events and seals, never change them; of details it may only take away. */
const INSERT_ONLY = `
  do $$
  declare given record;
  begin
    for given in
      select distinct c.oid::regclass as relation, a.grantee, c.relname ~ '^audit_detail' as is_detail
      from pg_class c, aclexplode(c.relacl) a
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and c.relname ~ '^audit_(event|detail|seal)(|_default|_[0-9]{4}_[0-9]{2})$'
        and a.grantee <> c.relowner and a.privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE')
    loop
      execute format('revoke delete, truncate%s on %s from %s', case when given.is_detail then '' else ', update' end, given.relation,
        case when given.grantee = 0 then 'public' else given.grantee::regrole::text end);
    end loop;
  end $$`;
