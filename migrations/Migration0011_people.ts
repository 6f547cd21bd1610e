import { Migration } from '@mikro-orm/migrations';

export class Migration0011_people extends Migration {
  override up(): void {
    this.addSql(`alter table users add column properties jsonb not null default '{}'`);
    this.addSql(`alter table users alter column properties drop default`);
    this.addSql(`alter table users add column theme text null`);
    this.addSql(`alter table users add column password_update_required boolean not null default false`);
    this.addSql(`alter table users alter column password_update_required drop default`);
    this.addSql(`alter table users add column terms_version text null`);
    this.addSql(`alter table users add column terms_accepted_at timestamptz(3) null`);
    this.addSql(`alter table users add column deletes_at timestamptz(3) null`);
    this.addSql(`create index users_deletes_at_index on users (deletes_at)`);
    this.addSql(`
      create table one_time_secret (
        id uuid not null, purpose text not null, subject text not null, user_id uuid null, address text not null,
        link_hash bytea null, code_hash bytea null, interaction_hash bytea null, data jsonb not null,
        created_at timestamptz(3) not null, expires_at timestamptz(3) not null, used_at timestamptz(3) null,
        constraint one_time_secret_pkey primary key (id)
      )
    `);
    this.addSql(
      `alter table one_time_secret add constraint one_time_secret_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`alter table one_time_secret add constraint one_time_secret_link_hash_unique unique (link_hash)`);
    this.addSql(`create index one_time_secret_purpose_subject_index on one_time_secret (purpose, subject)`);
    this.addSql(`create index one_time_secret_user_id_index on one_time_secret (user_id)`);
    this.addSql(`create index one_time_secret_expires_at_index on one_time_secret (expires_at)`);
    this.addSql(`
      create table one_time_budget (
        key bytea not null, code_tries int not null, day_tries int not null, day_codes int not null,
        day_started_at timestamptz(3) not null, recent_codes int not null, recent_started_at timestamptz(3) not null,
        changed_at timestamptz(3) not null,
        constraint one_time_budget_pkey primary key (key)
      )
    `);
    this.addSql(`create index one_time_budget_changed_at_index on one_time_budget (changed_at)`);
  }
}
