import { Migration } from '@mikro-orm/migrations';

/** APIs whose tokens list the permissions of the user in an organization. */
export class Migration0046_organization_tokens extends Migration {
  override up(): void {
    this.addSql('alter table api_resource add column organization_permissions boolean not null default false');
  }
}
