import { Migration } from '@mikro-orm/migrations';

/**
 * The successor of a used refresh token, and how often it was the answer again. A refresh token that an older process used has none:
 * its second use ends the grant, as it does there.
 */
export class Migration0034_refresh_successor extends Migration {
  override up(): void {
    this.addSql(`
      alter table oidc_artifact add column successor_hash bytea null, add column repeats int not null default 0
    `);
  }
}
