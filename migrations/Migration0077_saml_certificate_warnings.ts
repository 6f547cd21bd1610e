import { Migration } from '@mikro-orm/migrations';

/** Letters about certificates for SAML that end: which of them were sent. */
export class Migration0077_saml_certificate_warnings extends Migration {
  override up(): void {
    this.addSql(`
      create table saml_certificate_warning (
        holder text not null, days int not null, ends_at timestamptz(3) not null,
        constraint saml_certificate_warning_pkey primary key (holder)
      )
    `);
  }
}
