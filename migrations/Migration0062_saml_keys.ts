import { Migration } from '@mikro-orm/migrations';

/** Our keys for SAML, with their certificates. */
export class Migration0062_saml_keys extends Migration {
  override up(): void {
    this.addSql(`
      create table saml_key (
        id text not null, use text not null, state text not null, certificate text not null, private_sealed text null,
        created_at timestamptz(3) not null, activated_at timestamptz(3) null, replaced_at timestamptz(3) null,
        warned_days int null,
        constraint saml_key_pkey primary key (id)
      )
    `);
    this.addSql(`create unique index saml_key_current_unique on saml_key (use) where "state" = 'current'`);
    this.addSql(`create unique index saml_key_next_unique on saml_key (use) where "state" = 'next'`);
  }
}
