import { Migration } from '@mikro-orm/migrations';

/**
 * A sign-in is one row: the question of the engine and what the steps found out. Older processes go on with
 * sign_in_progress; it is no longer read here, and a later release drops it.
 */
export class Migration0024_sign_in_row extends Migration {
  override up(): void {
    this.addSql(`
      alter table oidc_artifact add column progress jsonb null, add column progress_step int not null default 0
    `);
  }
}
