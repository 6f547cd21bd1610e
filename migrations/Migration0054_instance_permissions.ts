import { Migration } from '@mikro-orm/migrations';

/** APIs whose tokens list the roles and permissions of the user on the instance. */
export class Migration0054_instance_permissions extends Migration {
  override up(): void {
    this.addSql('alter table api_resource add column instance_permissions boolean not null default false');
  }
}
