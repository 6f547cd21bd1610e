import { type AuditLog, type By, system } from '#audit/module.ts';
import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { Policies, TighteningService } from '#settings/module.ts';
import { organizationInactive } from './errors.ts';
import { about } from './about.ts';
import { organizationClosingRequested, organizationClosingCancelled, organizationErased } from './events.ts';
import { DUE_CLOSINGS_BATCH } from './limits.ts';
import { takeOrganization } from './organization-lock.ts';
import type { Organization, OrganizationId } from './organization.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  policies: Policies<'organizations'>;
  audit: Pick<AuditLog, 'record'>;
  tightenings: Pick<TighteningService, 'end' | 'tell'>;
};

/** Closing an organization: asked for, called off, carried out when the days are over. */
export class OrganizationClosing {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * Says when the organization is erased; null when that has happened at once. A suspended one is not closed by its owners.
   * Throws organizations.not_found, organizations.inactive.
   */
  async close(id: OrganizationId, by: By): Promise<Date | null> {
    const { clock, database, policies, audit, tightenings } = this.#deps;
    const days = policies.for({ organization: id }).organizations.closingDays;
    const goesAt = await database.transaction(async (em) => {
      const organization = await takeOrganization(em, id);
      if (organization.status === 'closing') return organization.closesAt!;
      if (organization.status === 'suspended') throw organizationInactive();
      const goesAt = fromNow(clock, days * DAY);
      Object.assign(organization, { status: 'closing', closesAt: goesAt, updatedAt: clock.now() });
      await em.flush();
      await audit.record(
        em,
        organizationClosingRequested({ ...by, ...about(id), details: { goes_at: goesAt.toISOString() } }),
      );
      if (days > 0) return goesAt;
      await this.#erase(em, organization);
      return null;
    });
    if (goesAt === null) await tightenings.tell(id);
    return goesAt;
  }

  /** Calls a closing off, if it is still asked for. Throws organizations.not_found. */
  async reopen(id: OrganizationId, by: By): Promise<Organization> {
    const { clock, database, audit } = this.#deps;
    return database.transaction(async (em) => {
      const organization = await takeOrganization(em, id);
      if (organization.status !== 'closing') return organization;
      Object.assign(organization, { status: 'active', closesAt: null, updatedAt: clock.now() });
      await em.flush();
      await audit.record(em, organizationClosingCancelled({ ...by, ...about(id) }));
      return organization;
    });
  }

  /** Erases at most `batch` organizations whose days are over; answers how many. */
  async purge(batch: number): Promise<number> {
    const { clock, database, tightenings } = this.#deps;
    const due = await database.sql<{ id: string }>(
      'select o.id from organization o where o.closes_at <= $1 order by o.closes_at limit $2',
      [clock.now(), Math.min(batch, DUE_CLOSINGS_BATCH)],
    );
    let erased = 0;
    for (const { id } of due) {
      const organizationId = fromUuid('org', id);
      if (!(await database.transaction((em) => this.#eraseDue(em, organizationId)))) continue;
      await tightenings.tell(organizationId);
      erased += 1;
    }
    return erased;
  }

  async #eraseDue(em: EntityManager, id: OrganizationId): Promise<boolean> {
    const [row] = await em.execute<unknown[]>('select 1 from organization where id = ? and closes_at <= ? for update', [
      toUuid(id),
      this.#deps.clock.now(),
    ]);
    if (!row) return false;
    await this.#erase(em, await takeOrganization(em, id));
    return true;
  }

  /** Rows of other tables go with it, and its demands. Its slugs stay taken, so that no link and no token of it ever means another one. */
  async #erase(em: EntityManager, { id, slug }: Organization): Promise<void> {
    await em.execute('delete from organization where id = ?', [toUuid(id)]);
    await this.#deps.tightenings.end(em, id);
    await this.#deps.audit.record(em, organizationErased({ ...system, ...about(id), details: { slug } }));
  }
}
