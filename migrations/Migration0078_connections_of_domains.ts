import { Migration } from '@mikro-orm/migrations';

/** The connections by which users with an email address at a domain sign in; none: all of the organization. The version before writes no such column. */
export class Migration0078_connections_of_domains extends Migration {
  override up(): void {
    this.addSql(`alter table organization_domain add column connections text[] not null default '{}'`);
  }
}
