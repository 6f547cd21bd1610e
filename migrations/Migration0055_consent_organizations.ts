import { Migration } from '@mikro-orm/migrations';

/** Consents name the organizations about which the client may be told. */
export class Migration0055_consent_organizations extends Migration {
  override up(): void {
    this.addSql(`alter table consent add column organizations jsonb not null default '[]'`);
  }
}
