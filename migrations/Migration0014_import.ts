import { Migration } from '@mikro-orm/migrations';

export class Migration0014_import extends Migration {
  override up(): void {
    this.addSql(`alter table password_credential add column scheme text null`);
    this.addSql(`
      create table user_identity (
        connection text not null, issuer text not null, subject text not null, user_id uuid not null, created_at timestamptz(3) not null,
        constraint user_identity_pkey primary key (connection, issuer, subject)
      )
    `);
    this.addSql(
      `alter table user_identity add constraint user_identity_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index user_identity_user_id_index on user_identity (user_id)`);
  }
}
