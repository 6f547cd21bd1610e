import { Migration } from '@mikro-orm/migrations';

/**
 * Usernames, the id of a user in the system before this one, and when users were last active. The last one has a table of its own:
 * every change of `users` is announced to all processes.
 */
export class Migration0049_usernames extends Migration {
  override up(): void {
    this.addSql(`
      alter table users add column username text null, add column username_skeleton text null,
        add column legacy_id text null
    `);
    this.addSql(
      'alter table users add constraint users_username_unique unique (username), add constraint users_username_skeleton_unique unique (username_skeleton), add constraint users_legacy_id_unique unique (legacy_id)',
    );
    this.addSql(`
      create table user_activity (
        user_id uuid not null, last_active_at timestamptz(3) not null,
        constraint user_activity_pkey primary key (user_id),
        constraint user_activity_user_id_foreign foreign key (user_id) references users (id) on update cascade on delete cascade
      )
    `);
  }
}
