import { Migration } from '@mikro-orm/migrations';

/** Indexes for lists: organizations by name and of one status, and members in the order in which they joined. */
export class Migration0088_lists_of_organizations extends Migration {
  override up(): void {
    this.addSql('create index organization_name_index on organization (lower(name), id)');
    this.addSql('create index organization_status_id_index on organization (status, id)');
    this.addSql(
      'create index organization_member_joined_index on organization_member (organization_id, created_at, user_id)',
    );
  }
}
