import { Migration } from '@mikro-orm/migrations';

/** Sign-outs that go from one application to the next. */
export class Migration0067_saml_logout extends Migration {
  override up(): void {
    this.addSql(`
      create table saml_logout (
        chain_hash bytea not null, sealed text not null, expires_at timestamptz(3) not null,
        constraint saml_logout_pkey primary key (chain_hash)
      )
    `);
    this.addSql('create index saml_logout_expires_at_index on saml_logout (expires_at)');
  }
}
