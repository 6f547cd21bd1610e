import { Migration } from '@mikro-orm/migrations';

export class Migration0002_users_credentials extends Migration {
  override up(): void {
    this.addSql(`
      create table users (
        id uuid not null, status text not null, email text not null, email_canonical text not null, email_verified boolean not null,
        phone_number text null, phone_number_verified boolean not null, profile jsonb not null, is_administrator boolean not null,
        created_at timestamptz(3) not null, updated_at timestamptz(3) not null,
        constraint users_pkey primary key (id)
      )
    `);
    this.addSql(`alter table users add constraint users_email_canonical_unique unique (email_canonical)`);
    this.addSql(`
      create table password_credential (
        user_id uuid not null, hash text not null, changed_at timestamptz(3) not null,
        constraint password_credential_pkey primary key (user_id)
      )
    `);
    this.addSql(
      `alter table password_credential add constraint password_credential_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`
      create table attempt_counter (
        key bytea not null, failures int not null, blocked_until timestamptz(3) null, changed_at timestamptz(3) not null,
        constraint attempt_counter_pkey primary key (key)
      )
    `);
    this.addSql(`create index attempt_counter_changed_at_index on attempt_counter (changed_at)`);
    this.addSql(`
      create table known_device (
        secret_hash bytea not null, user_id uuid not null, user_agent text not null, created_at timestamptz(3) not null, seen_at timestamptz(3) not null,
        constraint known_device_pkey primary key (secret_hash, user_id)
      )
    `);
    this.addSql(
      `alter table known_device add constraint known_device_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index known_device_user_id_index on known_device (user_id)`);
    this.addSql(`
      create table admin_link (
        secret_hash bytea not null, expires_at timestamptz(3) not null, used_at timestamptz(3) null,
        constraint admin_link_pkey primary key (secret_hash)
      )
    `);
  }
}
