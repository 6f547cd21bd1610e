import { Migration } from '@mikro-orm/migrations';

export class Migration0017_contacts extends Migration {
  override up(): void {
    this.addSql(
      `create table sms_day (day text not null, sent int not null, constraint sms_day_pkey primary key (day))`,
    );
    this.addSql(`alter table users add column email_proof_due boolean not null default true`);
    this.addSql(`update users set email_proof_due = false`);
    this.addSql(`
      create table contact (
        id uuid not null, user_id uuid not null, kind text not null, value text not null, canonical text not null,
        verified_at timestamptz(3) null, reserved_until timestamptz(3) null, created_at timestamptz(3) not null,
        constraint contact_pkey primary key (id)
      )
    `);
    this.addSql(
      `alter table contact add constraint contact_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(
      `alter table contact add constraint contact_user_id_kind_canonical_unique unique (user_id, kind, canonical)`,
    );
    this.addSql(
      `create unique index contact_email_unique on contact (canonical) where kind = 'email' and verified_at is not null`,
    );
    this.addSql(`create index contact_reserved_until_index on contact (reserved_until)`);
  }
}
