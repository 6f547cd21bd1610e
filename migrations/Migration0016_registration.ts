import { Migration } from '@mikro-orm/migrations';

export class Migration0016_registration extends Migration {
  override up(): void {
    this.addSql(`
      create table pending_registration (
        uid_hash bytea not null, email text not null, email_canonical text not null, method text not null, details jsonb not null,
        user_id uuid null, expires_at timestamptz(3) not null,
        constraint pending_registration_pkey primary key (uid_hash)
      )
    `);
    this.addSql(
      `alter table pending_registration add constraint pending_registration_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index pending_registration_user_id_index on pending_registration (user_id)`);
    this.addSql(`create index pending_registration_expires_at_index on pending_registration (expires_at)`);
    this.addSql(`
      create table waitlist_entry (
        id uuid not null, email text not null, email_canonical text not null, name text not null, language text not null,
        joined_at timestamptz(3) not null, invited_at timestamptz(3) null,
        constraint waitlist_entry_pkey primary key (id)
      )
    `);
    this.addSql(
      `alter table waitlist_entry add constraint waitlist_entry_email_canonical_unique unique (email_canonical)`,
    );
    this.addSql(`create index waitlist_entry_joined_at_index on waitlist_entry (joined_at)`);
  }
}
