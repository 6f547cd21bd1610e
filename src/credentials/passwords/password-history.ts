import { defineEntity, p } from '@mikro-orm/core';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Clock } from '#kernel/clock.ts';
import { IdColumn } from '#kernel/id-column.ts';
import { type Id, newId, toUuid } from '#kernel/ids.ts';
import type { UserPolicies } from '#settings/module.ts';
import { User, type UserId } from '#directory/users/module.ts';

const PasswordHistorySchema = defineEntity({
  name: 'PasswordHistoryRow',
  tableName: 'password_history',
  properties: {
    id: p.type(new IdColumn('pwh')).primary().$type<Id<'pwh'>>(),
    userId: () =>
      p
        .manyToOne(User)
        .mapToPk()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('password_history_user_id_index'),
    hash: p.text(),
    scheme: p.text().nullable(),
    replacedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** The hash of an earlier password of a user (table `password_history`). */
export class PasswordHistoryRow extends PasswordHistorySchema.class {}
PasswordHistorySchema.setClass(PasswordHistoryRow);

export type StoredHash = { hash: string; scheme: string | null };

/** Hashes of a user's earlier passwords, as many as the policy requires. The present one stays in the credential. */
export class PasswordHistory {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #policies: UserPolicies<'password'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>, policies: UserPolicies<'password'>) {
    this.#clock = clock;
    this.#database = database;
    this.#policies = policies;
  }

  /** Hashes that may not be reused, the present one first. */
  async list(userId: UserId): Promise<StoredHash[]> {
    const { history: most } = (await this.#policies.ofUser(userId)).password;
    if (most === 0) return [];
    return this.#database.sql<StoredHash>(
      `select hash, scheme from (
         select hash, scheme, 1 as present, changed_at as at from password_credential where user_id = $1
         union all select hash, scheme, 0, replaced_at from password_history where user_id = $1
       ) as every_one order by present desc, at desc limit $2`,
      [toUuid(userId), most],
    );
  }

  /** Keeps the password that is set, just before another one is; forgets those that policy no longer wants. */
  async keep(em: EntityManager, userId: UserId): Promise<void> {
    const { history } = (await this.#policies.ofUserIn(em, userId)).password;
    // The password that is set counts as the first.
    const before = Math.max(0, history - 1);
    const user = toUuid(userId);
    if (before > 0)
      await em.execute(
        `insert into password_history (id, user_id, hash, scheme, replaced_at)
         select ?, user_id, hash, scheme, ? from password_credential where user_id = ?`,
        [toUuid(newId('pwh')), this.#clock.now(), user],
      );
    await em.execute(
      `delete from password_history where user_id = ? and id not in (
         select id from password_history where user_id = ? order by replaced_at desc, id desc limit ?)`,
      [user, user, before],
    );
  }
}
