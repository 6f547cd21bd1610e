import type { AuditLog, By } from '#audit/module.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { RoleHolders } from './role-holders.ts';
import { userNotFound } from './errors.ts';
import { userOrganizationCreationChanged } from './events.ts';
import type { UserId } from './user.ts';

/** The right of single users to create organizations. */
export class OrganizationCreation {
  readonly #database: Database;
  readonly #audit: Pick<AuditLog, 'record'>;
  readonly #roleHolders: Pick<RoleHolders, 'requireRightsOver'>;

  constructor(
    database: Database,
    audit: Pick<AuditLog, 'record'>,
    roleHolders: Pick<RoleHolders, 'requireRightsOver'>,
  ) {
    this.#roleHolders = roleHolders;
    this.#database = database;
    this.#audit = audit;
  }

  /** Gives the right to a user, or takes it. Throws users.not_found, users.rights_missing. */
  async allow(id: UserId, allowed: boolean, by: By): Promise<void> {
    await this.#roleHolders.requireRightsOver(id, by);
    await this.#database.transaction(async (em) => {
      const [user] = await em.execute<{ before: boolean }[]>(
        'select can_create_organizations as before from users where id = ? for no key update',
        [toUuid(id)],
      );
      if (!user) throw userNotFound();
      if (user.before === allowed) return;
      await em.execute('update users set can_create_organizations = ? where id = ?', [allowed, toUuid(id)]);
      const subject = { type: 'user', id };
      await this.#audit.record(em, userOrganizationCreationChanged({ ...by, subject, details: { allowed } }));
    });
  }
}
