import { Migration } from '@mikro-orm/migrations';

/** Sign-ins at applications that speak SAML: those under way, the names that applications know users by, and the sessions there. */
export class Migration0066_saml_sign_ins extends Migration {
  override up(): void {
    this.addSql(`
      create table saml_request (
        state_hash bytea not null, sealed text not null, expires_at timestamptz(3) not null,
        constraint saml_request_pkey primary key (state_hash)
      )
    `);
    this.addSql('create index saml_request_expires_at_index on saml_request (expires_at)');
    this.addSql(`
      create table saml_name_id (
        client uuid not null, user_id uuid not null, value text not null, created_at timestamptz(3) not null,
        constraint saml_name_id_pkey primary key (client, user_id)
      )
    `);
    this.addSql('alter table saml_name_id add constraint saml_name_id_client_value_unique unique (client, value)');
    this.addSql('create index saml_name_id_user_id_index on saml_name_id (user_id)');
    this.addSql(`
      create table saml_session (
        client uuid not null, session_index text not null, name_id text not null, user_id uuid not null,
        session_id text not null, name jsonb not null, expires_at timestamptz(3) not null,
        constraint saml_session_pkey primary key (client, session_index, name_id)
      )
    `);
    this.addSql('create index saml_session_user_id_index on saml_session (user_id)');
    this.addSql('create index saml_session_session_id_index on saml_session (session_id)');
    this.addSql('create index saml_session_expires_at_index on saml_session (expires_at)');
    for (const table of ['saml_name_id', 'saml_session'] as const) {
      const rule = table === 'saml_name_id' ? ' on update cascade on delete cascade' : ' on delete cascade';
      this.addSql(
        `alter table ${table} add constraint ${table}_client_foreign
           foreign key (client) references saml_service_provider (client)${rule}`,
      );
      this.addSql(
        `alter table ${table} add constraint ${table}_user_id_foreign
           foreign key (user_id) references users (id)${rule}`,
      );
    }
  }
}
