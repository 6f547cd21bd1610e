import { Migration } from '@mikro-orm/migrations';

/** The identity providers of connections of SAML. */
export class Migration0063_saml_identity_providers extends Migration {
  override up(): void {
    this.addSql(`
      create table saml_identity_provider (
        connection_id uuid not null, scope text not null, entity_id text not null, metadata jsonb not null,
        metadata_url text null, metadata_certificates jsonb not null, valid_until timestamptz(3) null,
        refreshed_at timestamptz(3) not null, due_at timestamptz(3) null, problem text null,
        constraint saml_identity_provider_pkey primary key (connection_id)
      )
    `);
    this.addSql(
      `alter table saml_identity_provider add constraint saml_identity_provider_scope_entity_id_unique unique (scope, entity_id)`,
    );
    this.addSql('create index saml_identity_provider_due_at_index on saml_identity_provider (due_at)');
    this.addSql(
      `alter table saml_identity_provider add constraint saml_identity_provider_connection_id_foreign
         foreign key (connection_id) references connection (id) on delete cascade`,
    );
  }
}
