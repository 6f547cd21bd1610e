import { Migration } from '@mikro-orm/migrations';

/** Logos of clients, fetched from their `logo_uri`, drawn here and served from here. */
export class Migration0040_client_logos extends Migration {
  override up(): void {
    this.addSql(`
      create table client_logo (
        client_id text not null, uri text not null, name text null, image bytea null, fetched_at timestamptz(3) null,
        due_at timestamptz(3) not null, failures int not null, problem text null,
        constraint client_logo_pkey primary key (client_id)
      )
    `);
    this.addSql('create index client_logo_name_index on client_logo (name)');
  }
}
