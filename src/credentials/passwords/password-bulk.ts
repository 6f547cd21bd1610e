import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';

/** A password as files have it; `scheme` is null where the hash is ours. */
export type BulkPassword = { userId: UserId; hash: string; scheme: string | null };

/** Passwords by the hundred, one statement each time. */
export class PasswordBulk {
  readonly #clock: Clock;
  readonly #database: Database;

  constructor(clock: Clock, database: Database) {
    this.#clock = clock;
    this.#database = database;
  }

  /**
   * Writes them and returns the users. A password that was set here stays: a file never replaces one of our hashes.
   */
  async write(em: EntityManager, passwords: readonly BulkPassword[]): Promise<Set<UserId>> {
    const rows = await em.execute<{ user_id: string }[]>(
      `insert into password_credential as p (user_id, hash, scheme, changed_at)
       select "userId", hash, scheme, ? from jsonb_to_recordset(?::jsonb) as r ("userId" uuid, hash text, scheme text)
       on conflict (user_id) do update set hash = excluded.hash, scheme = excluded.scheme, changed_at = excluded.changed_at
       where p.scheme is not null and p.hash <> excluded.hash returning user_id`,
      [
        this.#clock.now(),
        JSON.stringify(passwords.map((password) => ({ ...password, userId: toUuid(password.userId) }))),
      ],
    );
    return new Set(rows.map(({ user_id: id }) => fromUuid('usr', id)));
  }

  async of(ids: readonly UserId[]): Promise<Map<UserId, Omit<BulkPassword, 'userId'>>> {
    const rows = await this.#database.sql<{ user_id: string; hash: string; scheme: string | null }>(
      'select user_id, hash, scheme from password_credential where user_id = any($1::uuid[])',
      [ids.map(toUuid)],
    );
    return new Map(rows.map(({ user_id: id, hash, scheme }) => [fromUuid('usr', id), { hash, scheme }]));
  }
}
