import { defineEntity, p } from '@mikro-orm/core';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, parseId, toUuid } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import { ACTIVITY_GATHER_TIME, ACTIVITY_INTERVAL, MOST_KEPT_USERS } from './limits.ts';
import { User, type UserId } from './user.ts';

const ActivityRowSchema = defineEntity({
  name: 'ActivityRow',
  tableName: 'user_activity',
  properties: {
    userId: () => p.manyToOne(User).mapToPk().fieldName('user_id').primary().deleteRule('cascade'),
    lastActiveAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** When a user was last active (table `user_activity`). */
export class ActivityRow extends ActivityRowSchema.class {}
ActivityRowSchema.setClass(ActivityRow);

type Dependencies = { clock: Clock; database: Pick<Database, 'sql'>; log: Pick<Log, 'warn'> };

/**
 * When users were last active: signed in, got a token, used a page of their account. Requests only note it in memory; one
 * statement writes the notes of all users a moment later, and each user at most once in some minutes.
 */
export class UserActivity {
  readonly #deps: Dependencies;
  /** When this process last wrote each user, oldest first. */
  readonly #written = new Map<UserId, number>();
  #due = new Map<UserId, Date>();
  #timer: NodeJS.Timeout | undefined;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The user is active at this moment. Costs no statement here. */
  note(accountId: string): void {
    const id = parseId('usr', accountId);
    if (id === null) return;
    const now = this.#deps.clock.now();
    const last = this.#written.get(id);
    if (last !== undefined && now.getTime() - last < ACTIVITY_INTERVAL) return;
    this.#written.delete(id);
    this.#written.set(id, now.getTime());
    const [oldest] = this.#written.keys();
    if (this.#written.size > MOST_KEPT_USERS && oldest !== undefined) this.#written.delete(oldest);
    this.#due.set(id, now);
    this.#timer ??= setTimeout(() => void this.#write(), ACTIVITY_GATHER_TIME).unref();
  }

  /** Null for a user who has not been active yet. */
  async of(id: UserId): Promise<Date | null> {
    return (await this.among([id])).get(id) ?? null;
  }

  /** The users among these who have been active. */
  async among(ids: readonly UserId[]): Promise<Map<UserId, Date>> {
    const rows = await this.#deps.database.sql<{ id: string; at: Date }>(
      'select user_id as id, last_active_at as at from user_activity where user_id = any($1::uuid[])',
      [ids.map(toUuid)],
    );
    return new Map(rows.map(({ id, at }) => [fromUuid('usr', id), at]));
  }

  /** Writes what was noted and not yet written. */
  async stop(): Promise<void> {
    await this.#write();
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const due = [...this.#due].map(([id, at]) => ({ id: toUuid(id), at }));
    this.#due = new Map();
    if (due.length === 0) return;
    try {
      // In one order on every node, and only users who still exist: neither waits for the other, and none fails the others.
      await this.#deps.database.sql(
        `/* activity */ insert into user_activity (user_id, last_active_at)
         select u.id, r.at from jsonb_to_recordset($1::jsonb) as r (id uuid, at timestamptz) join users u on u.id = r.id
         order by u.id for key share of u
         on conflict (user_id) do update set last_active_at = excluded.last_active_at
         where user_activity.last_active_at <= excluded.last_active_at - $2 * interval '1 millisecond'`,
        [JSON.stringify(due), ACTIVITY_INTERVAL],
      );
    } catch (err) {
      // The next note of each user writes it.
      for (const { id } of due) this.#written.delete(fromUuid('usr', id));
      this.#deps.log.warn({ err }, 'not written when users were last active');
    }
  }
}
