import { Migration } from '@mikro-orm/migrations';

/**
 * Codes are bound to the browser that asked, with tries of their own. Older processes go on with one_time_budget; it is no
 * longer read here, and a later release drops it.
 */
export class Migration0023_codes extends Migration {
  override up(): void {
    this.addSql(`
      alter table one_time_secret add column browser_hash bytea null, add column known_hash bytea null,
        add column tries int not null default 0
    `);
  }
}
