import { Migration } from '@mikro-orm/migrations';

/** Links with which a connection is tested. */
export class Migration0064_connection_tests extends Migration {
  override up(): void {
    this.addSql(`
      create table connection_test (
        secret_hash bytea not null, connection_id uuid not null, expires_at timestamptz(3) not null,
        constraint connection_test_pkey primary key (secret_hash)
      )
    `);
    this.addSql('create index connection_test_connection_id_index on connection_test (connection_id)');
    this.addSql('create index connection_test_expires_at_index on connection_test (expires_at)');
    this.addSql(
      `alter table connection_test add constraint connection_test_connection_id_foreign
         foreign key (connection_id) references connection (id) on delete cascade`,
    );
  }
}
