import { Migration } from '@mikro-orm/migrations';

/** The organizations of a user are read from the index alone. */
export class Migration0061_organizations_of_a_user extends Migration {
  override up(): void {
    this.addSql('create index organization_member_user_index on organization_member (user_id, organization_id)');
    this.addSql('drop index organization_member_user_id_index');
  }
}
