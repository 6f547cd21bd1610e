import { Migration } from '@mikro-orm/migrations';

/** The orders and the searches of the list of users (src/directory/users/user-list.ts has the same expressions). */
const INDEXES: Readonly<Record<string, string>> = {
  users_created_at_index: '(created_at, id)',
  users_email_order_index: `((coalesce(email_canonical, '') collate "C"), id)`,
  users_name_order_index: `((lower(coalesce(profile ->> 'name', coalesce(profile ->> 'given_name', '') || ' ' || coalesce(profile ->> 'family_name', ''))) collate "C"), id)`,
  users_family_name_index: `((lower(profile ->> 'family_name') collate "C"))`,
  users_username_order_index: '((username collate "C")) where username is not null',
  users_phone_number_index: '((phone_number collate "C")) where phone_number is not null',
  // Few of many users, who would otherwise be looked for among all.
  users_disabled_index: `(created_at, id) where status = 'disabled'`,
  users_administrator_index: '(created_at, id) where is_administrator',
};

/** Built while users sign in and register. After an interruption the next process begins again. */
export class Migration0084_users_listed extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override async up(): Promise<void> {
    // A build waits for every transaction that began before it, and no act waits for the build.
    await this.execute('set lock_timeout = 0');
    for (const [name, text] of Object.entries(INDEXES)) {
      // An interrupted build leaves an index that cannot be used.
      await this.execute(`drop index concurrently if exists ${name}`);
      await this.execute(`create index concurrently ${name} on users ${text}`);
    }
    await this.execute('reset lock_timeout');
  }
}
