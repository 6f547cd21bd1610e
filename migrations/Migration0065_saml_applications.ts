import { Migration } from '@mikro-orm/migrations';

/** Applications that sign users in by SAML: a row for the client of each. */
export class Migration0065_saml_applications extends Migration {
  override up(): void {
    this.addSql(`
      create table saml_service_provider (
        client uuid not null, client_id text not null, entity_id text not null, consumers jsonb not null, logout_endpoints jsonb not null,
        certificates jsonb not null, requires_signed_requests boolean not null, name_id_format text not null,
        signs text not null, encrypts boolean not null, attributes jsonb not null, is_launchable boolean not null,
        launch_relay_state text null, metadata_url text null, warned_days int null, updated_at timestamptz(3) not null,
        constraint saml_service_provider_pkey primary key (client)
      )
    `);
    for (const column of ['client_id', 'entity_id'])
      this.addSql(
        `alter table saml_service_provider add constraint saml_service_provider_${column}_unique unique (${column})`,
      );
    this.addSql(
      `alter table saml_service_provider add constraint saml_service_provider_client_foreign
         foreign key (client) references client (id) on update cascade on delete cascade`,
    );
  }
}
