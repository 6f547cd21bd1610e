import { Migration } from '@mikro-orm/migrations';

/**
 * Tells every process that keeps users as the management API shows them of each change of their credentials, by any writer
 * (src/credentials/shown-users.ts). The time of the last use is none: it would be told at each sign-in.
 */
export class Migration0093_shown_users extends Migration {
  override up(): void {
    this.#tell('password_credential', 'insert or delete');
    this.#tell(
      'passkey',
      'insert or update or delete',
      '(old.name, old.flagged_at) is distinct from (new.name, new.flagged_at)',
    );
    this.#tell(
      'totp_credential',
      'insert or update or delete',
      'old.name <> new.name or old.created_at <> new.created_at',
    );
    this.#tell(
      'recovery_codes',
      'insert or update or delete',
      'old.hashes <> new.hashes or old.created_at <> new.created_at',
    );
    this.addSql(`
      create function users_users_added_fn() returns trigger as $$ begin
        perform pg_notify('latchkey_invalidation', json_build_array('', 'new-users', 'any')::text); return null;
      end; $$ language plpgsql
    `);
    this.addSql(
      'create trigger users_added after insert on users for each statement execute function users_users_added_fn()',
    );
  }

  #tell(table: string, events: string, isChange?: string): void {
    const tell = `perform pg_notify('latchkey_invalidation', json_build_array('', 'credentials', coalesce(new.user_id, old.user_id))::text);`;
    const body = isChange === undefined ? tell : `if tg_op <> 'UPDATE' or ${isChange} then ${tell} end if;`;
    this.addSql(
      `create function ${table}_${table}_changed_fn() returns trigger as $$ begin ${body} return null; end; $$ language plpgsql`,
    );
    this.addSql(
      `create trigger ${table}_changed after ${events} on ${table} for each row execute function ${table}_${table}_changed_fn()`,
    );
  }
}
