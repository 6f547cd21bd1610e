import { Migration } from '@mikro-orm/migrations';

/**
 * Metadata of applications that are read again every day. Applications from before stay as they are until an operator names the address
 * once more: nothing says which of their members an operator had changed.
 */
export class Migration0076_saml_application_metadata extends Migration {
  override up(): void {
    this.addSql(`
      alter table saml_service_provider
        add column metadata_certificates jsonb not null default '[]', add column own_members jsonb not null default '[]',
        add column valid_until timestamptz(3) null, add column refreshed_at timestamptz(3) null,
        add column due_at timestamptz(3) null, add column problem text null
    `);
    this.addSql('create index saml_service_provider_due_at_index on saml_service_provider (due_at)');
  }
}
