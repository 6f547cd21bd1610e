import { Migration } from '@mikro-orm/migrations';

/**
 * APIs whose tokens list the permissions of the user in an organization. Tells every process that keeps an organization or a
 * membership in memory of each change, by any writer (src/directory/organizations/known-organizations.ts).
 */
export class Migration0046_organization_tokens extends Migration {
  override up(): void {
    this.addSql('alter table api_resource add column organization_permissions boolean not null default false');
    this.addSql(`
      create function organization_organization_changed_fn() returns trigger as $$ begin
        perform pg_notify('latchkey_invalidation', json_build_array('', 'organizations', old.id)::text); return null;
      end; $$ language plpgsql
    `);
    this.addSql(`
      create trigger organization_changed after update or delete on organization
        for each row execute function organization_organization_changed_fn()
    `);
    this.addSql(`
      create function organization_member_organization_member_changed_fn() returns trigger as $$ begin
        perform pg_notify('latchkey_invalidation', json_build_array('', 'memberships', old.organization_id || ' ' || old.user_id)::text); return null;
      end; $$ language plpgsql
    `);
    this.addSql(`
      create trigger organization_member_changed after update or delete on organization_member
        for each row execute function organization_member_organization_member_changed_fn()
    `);
  }
}
