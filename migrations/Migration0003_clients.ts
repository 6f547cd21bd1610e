import { Migration } from '@mikro-orm/migrations';

export class Migration0003_clients extends Migration {
  override up(): void {
    this.addSql(`
      create table client (
        id uuid not null, client_id text not null, name text not null, type text not null, profile text not null,
        first_party boolean not null, disabled boolean not null, registered boolean not null, metadata jsonb not null, apis jsonb not null,
        created_at timestamptz(3) not null, updated_at timestamptz(3) not null,
        constraint client_pkey primary key (id)
      )`);
    this.addSql('alter table client add constraint client_client_id_unique unique (client_id)');
    this.addSql(`
      create table client_secret (
        id uuid not null, client uuid not null, hash bytea not null, sealed text null, created_at timestamptz(3) not null, expires_at timestamptz(3) null,
        constraint client_secret_pkey primary key (id)
      )`);
    this.addSql(
      'alter table client_secret add constraint client_secret_client_foreign foreign key (client) references client (id) on delete cascade',
    );
    this.addSql('create index client_secret_client_index on client_secret (client)');
    this.addSql(`
      create table retired_client_id (
        client_id text not null, retired_at timestamptz(3) not null,
        constraint retired_client_id_pkey primary key (client_id)
      )`);
    this.addSql(`
      create table api_resource (
        id uuid not null, identifier text not null, name text not null, scopes jsonb not null, token_format text not null,
        access_token_seconds int not null, signing_alg text not null, created_at timestamptz(3) not null, updated_at timestamptz(3) not null,
        constraint api_resource_pkey primary key (id)
      )`);
    this.addSql('alter table api_resource add constraint api_resource_identifier_unique unique (identifier)');
  }
}
