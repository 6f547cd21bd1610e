import { Migration } from '@mikro-orm/migrations';

/** Tells every process that keeps a user in memory of each change of the user, by any writer (src/directory/users/known-users.ts). */
export class Migration0025_user_changes extends Migration {
  override up(): void {
    this.addSql(`
      create function users_users_changed_fn() returns trigger as $$ begin
        perform pg_notify('latchkey_invalidation', json_build_array('', 'users', old.id)::text); return null;
      end; $$ language plpgsql
    `);
    this.addSql(`
      create trigger users_changed after update or delete on users for each row execute function users_users_changed_fn()
    `);
  }
}
