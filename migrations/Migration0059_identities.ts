import { Migration } from '@mikro-orm/migrations';

/** Linked identities say what their owners know them by, and when they were used. */
export class Migration0059_identities extends Migration {
  override up(): void {
    this.addSql('alter table user_identity add column name text null, add column last_used_at timestamptz(3) null');
  }
}
