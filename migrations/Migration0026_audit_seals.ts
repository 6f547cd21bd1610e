import { Migration } from '@mikro-orm/migrations';

/**
 * Events, their details and their seals are three tables, partitioned by month, and a queue of events that have no seal yet.
 * Acts wait while this runs, so its time does not depend on the number of events: it only renames the old table, and
 * Migration0030 carries the rows over. Nodes of the previous release go on writing into audit_event as they did: a trigger takes
 * what they write apart. A later release drops the old columns.
 */
export class Migration0026_audit_seals extends Migration {
  override async up(): Promise<void> {
    await this.execute(LOCK);
    await this.execute('alter table audit_event rename to audit_event_before');
    for (const index of ['pkey', 'chain_sequence_unique', 'subject_index', 'type_index', 'actor_index'])
      await this.execute(`alter index audit_event_${index} rename to audit_event_before_${index}`);
    for (const statement of [...TABLES, PARTITIONS, ...PUT_ASIDE, ...TRIGGERS, INSERT_ONLY])
      await this.execute(statement);
  }
}

/** Statements that come later wait behind one that waits for a lock, so each attempt waits for a short time only. */
const LOCK = `
  do $$
  begin
    perform set_config('lock_timeout', '200ms', true);
    for attempt in 1..200 loop
      begin
        lock table audit_event in access exclusive mode;
        exit;
      exception when lock_not_available then
        if attempt = 200 then raise; end if;
        perform pg_sleep(0.1);
      end;
    end loop;
  end $$`;

const TABLES = [
  // The name of a chain is in the key of its seals. Ids have thirty characters; rows of the previous release are taken as they are.
  `create table audit_event (
    id uuid not null, at timestamptz(3) not null, type text not null, actor_type text not null, actor_id text null,
    subject_type text null, subject_id text null, organization_id text null, client_id text null, session_id text null, outcome text not null, digest text not null,
    chain text null, sequence bigint null, ip text null, user_agent text null, request_id text null, details jsonb null default '{}', salt text null, hash bytea null,
    constraint audit_event_pkey primary key (id, at),
    constraint audit_event_chain_check check (length(organization_id) <= 200 or hash is not null)
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

/** A default one, and one for each month from the last one to the one after the next. */
const PARTITIONS = `
  do $$
  declare owner text; month timestamp;
  begin
    foreach owner in array array['audit_event', 'audit_detail', 'audit_seal'] loop
      execute format('create table %I partition of %I default', owner || '_default', owner);
      for month in select date_trunc('month', now() at time zone 'utc') + n * interval '1 month' from generate_series(-1, 2) n
      loop
        execute format('create table %I partition of %I for values from (%L) to (%L)',
          owner || to_char(month, '_YYYY_MM'), owner, month at time zone 'utc', (month + interval '1 month') at time zone 'utc');
      end loop;
    end loop;
  end $$`;

/** The ends of the old chains at this moment, in the order in which they are sealed, and the progress of the carry-over. */
const PUT_ASIDE = [
  `create table audit_chain_before as
    with recursive named (chain) as (
      (select chain from audit_event_before order by chain limit 1)
      union all select (select b.chain from audit_event_before b where b.chain > named.chain order by b.chain limit 1)
        from named where named.chain is not null
    ), head as (
      select chain, sequence, encode(hash, 'hex') as hash from audit_chain
      union all select chain, 0, '' from named where chain is not null and not exists (select 1 from audit_chain c where c.chain = named.chain)
    )
    select chain, row_number() over (order by chain) as rank, sequence, hash, null::bigint as events, null::bigint as broken_at from head`,
  'alter table audit_chain_before add primary key (chain)',
  `create table audit_carried as select 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid as below`,
];

const digestOf = (row: string) =>
  `encode(sha256(convert_to(jsonb_build_array(${row}.salt, ${row}.ip, ${row}.user_agent, ${row}.request_id, ${row}.details)::text, 'UTF8')), 'hex')`;

const TRIGGERS = [
  `create function audit_event_of_release_before() returns trigger language plpgsql as $$
    begin
      new.organization_id := nullif(new.chain, 'instance');
      new.digest := ${digestOf('new')};
      insert into audit_detail (event_id, at, ip, user_agent, request_id, details, salt)
        values (new.id, new.at, new.ip, new.user_agent, new.request_id, new.details, new.salt);
      insert into audit_unsealed (place, event_id, at) values (new.id, new.id, new.at);
      new.ip := null; new.user_agent := null; new.request_id := null; new.details := '{}'; new.salt := null;
      return new;
    end $$`,
  `create trigger audit_event_of_release_before before insert on audit_event
    for each row when (new.hash is not null and new.salt is not null) execute function audit_event_of_release_before()`,
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
