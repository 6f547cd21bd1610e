import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Policy } from '#settings/module.ts';
import type { UserId } from '#users/module.ts';
import { lastWayIn } from './errors.ts';

/** Keeps people from locking themselves out: who can sign in neither by mail nor otherwise keeps a password or a passkey. */
export class WaysIn {
  readonly #policy: () => Policy<'signIn'>;

  constructor(policy: () => Policy<'signIn'>) {
    this.#policy = policy;
  }

  /**
   * Called in the transaction that took one away: throws credentials.last_way_in when it was the last. The row of the person is
   * locked, so that of two removals at once the second one sees the first.
   */
  async assertOneLeft(em: EntityManager, userId: UserId): Promise<void> {
    const { methods } = this.#policy();
    if (methods.includes('emailLink') || methods.includes('emailCode')) return;
    const id = toUuid(userId);
    await em.execute('select 1 from users where id = ? for update', [id]);
    const left = await em.execute<{ way: string }[]>(
      `select 'password' as way from password_credential where user_id = ?
       union all select 'passkey' from passkey where user_id = ? and flagged_at is null`,
      [id, id],
    );
    if (!left.some(({ way }) => methods.includes(way as (typeof methods)[number]))) throw lastWayIn();
  }
}
