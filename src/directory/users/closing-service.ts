import { type AuditLog, type By, system } from '#audit/module.ts';
import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { Policies } from '#settings/module.ts';
import type { AccessRevocation } from './access-revocation.ts';
import { userNotClosing, userNotFound } from './errors.ts';
import type { RoleHolders } from './role-holders.ts';
import { User, type UserId } from './user.ts';
import { DUE_CLOSINGS_BATCH } from './limits.ts';
import { userClosingCancelled, userClosingRequested, userErased } from './events.ts';

type ClosingDependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  policies: Policies<'account'>;
  roleHolders: Pick<RoleHolders, 'requireAnother' | 'requireRightsOver' | 'isLastActing'>;
  /** Also sign-ins that are not finished: one that was begun before must not call the closing off. */
  accessRevocation: AccessRevocation<'account closed' | 'account erased'>;
  /** Writes to the owner, in the transaction of what happened. */
  letters: {
    send(
      em: EntityManager,
      user: User,
      kind: 'closing' | 'reopened' | 'restored' | 'closed',
      about?: Pick<By, 'visitor'> & { goesAt?: Date },
    ): Promise<void>;
  };
  audit: Pick<AuditLog, 'record' | 'forgetPerson'>;
};

/** Closing an account: asked for, called off by signing in, carried out when the days are over. */
export class ClosingService {
  readonly #deps: ClosingDependencies;

  constructor(dependencies: ClosingDependencies) {
    this.#deps = dependencies;
  }

  /** Days between a user's wish and its end. */
  daysOf(user: UserId): number {
    return this.#deps.policies.for({ user }).account.deletionDays;
  }

  /**
   * As its owner. Signs the user out everywhere, and says when the account goes; null when it has gone at once.
   * Throws users.last_administrator, users.last_owner.
   */
  async close(userId: UserId, by: By): Promise<Date | null> {
    return this.#close(userId, by, {});
  }

  /**
   * As an operator: after the days that an owner has too, or at once. `isForced` also for the last owner of an organization.
   * Throws users.not_found, users.rights_missing, users.last_administrator, users.last_owner.
   */
  async delete(userId: UserId, by: By, how: { isImmediate: boolean; isForced: boolean }): Promise<Date | null> {
    await this.#deps.roleHolders.requireRightsOver(userId, by);
    return this.#close(userId, by, how);
  }

  async #close(userId: UserId, by: By, { isImmediate = false, isForced = false }): Promise<Date | null> {
    const { clock, database, accessRevocation, letters, audit } = this.#deps;
    const days = isImmediate ? 0 : this.daysOf(userId);
    const goesAt = fromNow(clock, days * DAY);
    await database.transaction(async (em) => {
      const left = await this.#deps.roleHolders.requireAnother(em, userId, { isForced });
      const user = await em.findOne(User, { id: userId });
      if (user === null) throw userNotFound();
      await accessRevocation.revoke(em, 'account closed', userId, by);
      const details = {
        goes_at: goesAt.toISOString(),
        ...(left.length === 0 ? {} : { organizations_without_owner: left.map(({ id }) => id) }),
      };
      await audit.record(em, userClosingRequested({ ...by, subject: { type: 'user', id: userId }, details }));
      if (days === 0) return this.#erase(em, user);
      await em.execute('update users set deletes_at = ?, updated_at = ? where id = ?', [
        goesAt,
        clock.now(),
        toUuid(userId),
      ]);
      await letters.send(em, user, 'closing', { visitor: by.visitor, goesAt });
    });
    return days === 0 ? null : goesAt;
  }

  /** Calls the closing off, if it is still asked for: its owner has signed in. */
  async reopen(userId: UserId, by: By): Promise<void> {
    await this.#callOff(userId, by, 'reopened');
  }

  /** As an operator. Throws users.not_found, users.rights_missing, users.not_closing. */
  async restore(userId: UserId, by: By): Promise<void> {
    await this.#deps.roleHolders.requireRightsOver(userId, by);
    const isCalledOff = await this.#callOff(userId, by, 'restored');
    if (isCalledOff) return;
    const rows = await this.#deps.database.sql('select 1 from users where id = $1', [toUuid(userId)]);
    throw rows.length === 0 ? userNotFound() : userNotClosing();
  }

  async #callOff(userId: UserId, by: By, letter: 'reopened' | 'restored'): Promise<boolean> {
    const { clock, database, letters, audit } = this.#deps;
    return database.transaction(async (em) => {
      const kept = await em.execute<unknown[]>(
        'update users set deletes_at = null, updated_at = ? where id = ? and deletes_at is not null returning 1',
        [clock.now(), toUuid(userId)],
      );
      const user = kept.length > 0 ? await em.findOne(User, { id: userId }) : null;
      if (!user) return false;
      await letters.send(em, user, letter, by);
      await audit.record(em, userClosingCancelled({ ...by, subject: { type: 'user', id: userId } }));
      return true;
    });
  }

  /**
   * Erases at most `batch` accounts whose days are over; answers how many. The last administrator stays until another user is
   * one.
   */
  async purge(batch: number): Promise<number> {
    const { clock, database } = this.#deps;
    const due = await database.sql<{ id: string }>(
      'select id from users where deletes_at <= $1 order by deletes_at limit $2',
      [clock.now(), Math.min(batch, DUE_CLOSINGS_BATCH)],
    );
    let erased = 0;
    for (const { id } of due)
      if (await database.transaction((em) => this.#eraseDue(em, fromUuid('usr', id)))) erased += 1;
    return erased;
  }

  async #eraseDue(em: EntityManager, id: UserId): Promise<boolean> {
    const { clock, roleHolders } = this.#deps;
    if (await roleHolders.isLastActing(em, id)) return false;
    // Locked: a sign-in at this moment is either in time or finds no user.
    const [row] = await em.execute<unknown[]>('select 1 from users where id = ? and deletes_at <= ? for update', [
      toUuid(id),
      clock.now(),
    ]);
    const user = row ? await em.findOne(User, { id }) : null;
    if (user) await this.#erase(em, user);
    return user !== null;
  }

  /** Rows of other tables go with the person's; what the record says of them stays without anything personal. */
  async #erase(em: EntityManager, user: User): Promise<void> {
    const { letters, audit, accessRevocation } = this.#deps;
    await letters.send(em, user, 'closed');
    await accessRevocation.revoke(em, 'account erased', user.id, system);
    await em.execute('delete from users where id = ?', [toUuid(user.id)]);
    await audit.forgetPerson(em, user.id);
    await audit.record(em, userErased({ ...system, subject: { type: 'user', id: user.id } }));
  }
}
