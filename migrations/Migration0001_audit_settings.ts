import { Migration } from '@mikro-orm/migrations';

export class Migration0001_audit_settings extends Migration {
  override up(): void {
    this.addSql(`
      create table audit_chain (
        chain text not null, sequence bigint not null, hash bytea not null,
        constraint audit_chain_pkey primary key (chain)
      )
    `);
    this.addSql(`
      create table audit_event (
        id uuid not null, chain text not null, sequence bigint not null, at timestamptz(3) not null, type text not null,
        actor_type text not null, actor_id text null, subject_type text null, subject_id text null, client_id text null, session_id text null,
        ip text null, user_agent text null, request_id text null, outcome text not null, details jsonb not null, hash bytea not null,
        constraint audit_event_pkey primary key (id)
      )
    `);
    this.addSql(`alter table audit_event add constraint audit_event_chain_sequence_unique unique (chain, sequence)`);
    this.addSql(`create index audit_event_subject_index on audit_event (subject_type, subject_id, at)`);
    this.addSql(`create index audit_event_type_index on audit_event (type, at)`);
    this.addSql(`
      create table setting (
        section text not null, value jsonb not null, changed_at timestamptz(3) not null,
        constraint setting_pkey primary key (section)
      )
    `);
  }
}
