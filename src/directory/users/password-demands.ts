import type { AuditLog, By } from '#audit/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { userNotFound } from './errors.ts';
import type { RoleHolders } from './role-holders.ts';
import type { UserId } from './user.ts';
import { userPasswordDemanded } from './events.ts';

type Dependencies = {
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
};

/** Users who must set a new password at the next sign-in, because an operator requires it. */
export class PasswordDemands {
  readonly #database: Pick<Database, 'transaction'>;
  readonly #audit: Pick<AuditLog, 'record'>;
  readonly #roleHolders: Pick<RoleHolders, 'requireRightsOver'>;

  constructor({ database, audit, roleHolders }: Dependencies) {
    this.#database = database;
    this.#audit = audit;
    this.#roleHolders = roleHolders;
  }

  /** Throws users.not_found, users.rights_missing. */
  async demand(userId: UserId, by: By): Promise<void> {
    await this.#roleHolders.requireRightsOver(userId, by);
    await this.#database.transaction((em) => this.demandIn(em, userId, by));
  }

  /** In the transaction of an act that asked for the right. Throws users.not_found. */
  async demandIn(em: EntityManager, userId: UserId, by: By): Promise<void> {
    const rows = await em.execute<unknown[]>(
      'update users set password_update_required = true where id = ? returning 1',
      [toUuid(userId)],
    );
    if (rows.length === 0) throw userNotFound();
    await this.#audit.record(em, userPasswordDemanded({ ...by, subject: { type: 'user', id: userId } }));
  }

  /** With a new password it is settled. */
  async settle(em: EntityManager, userId: UserId): Promise<void> {
    await em.execute('update users set password_update_required = false where id = ?', [toUuid(userId)]);
  }
}
