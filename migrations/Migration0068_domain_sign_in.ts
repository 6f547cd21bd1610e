import { Migration } from '@mikro-orm/migrations';

/** How users with an email address at a domain of an organization sign in. The version before writes no such column. */
export class Migration0068_domain_sign_in extends Migration {
  override up(): void {
    this.addSql(`alter table organization_domain add column sign_in text not null default 'any'`);
  }
}
