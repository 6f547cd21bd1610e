import type { ClientLookup } from '#applications/clients/module.ts';
import type { AuditLog, By } from '#audit/module.ts';
import { lockOrganization, type OrganizationId } from '#directory/organizations/module.ts';
import { type Clock, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Page, PageRequest } from '#kernel/operations/list-operation.ts';
import { readSqlPage } from '#kernel/operations/sql-page.ts';
import { clientNotFound, clientNotMachine, clientUnknown, tooManyClients } from './errors.ts';
import { MOST_CLIENTS } from './limits.ts';
import { organizationClientAllowed, organizationClientRemoved } from './events.ts';

export type AllowedClient = { clientId: string; allowedBy: string | null; createdAt: Date };

const COLUMNS = 'client_id as "clientId", allowed_by as "allowedBy", created_at as "createdAt"';

type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  clients: Pick<ClientLookup, 'find'>;
};

/** The machine clients that act for organizations, each allowed by an administrator of the organization. */
export class OrganizationClientService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Since when a client is allowed (NumericDate), whatever the state of the organization and of the client is; null for another one. */
  async allowedSince(organizationId: OrganizationId, clientId: string): Promise<number | null> {
    const [row] = await this.#deps.database.sql<{ createdAt: Date }>(
      'select created_at as "createdAt" from organization_client where organization_id = $1 and client_id = $2',
      [toUuid(organizationId), clientId],
    );
    return row ? Math.floor(row.createdAt.getTime() / SECOND) : null;
  }

  /** A page of the clients of an organization. */
  async page(
    organizationId: OrganizationId,
    page: PageRequest<'client_id' | 'created_at'>,
  ): Promise<Page<AllowedClient>> {
    return readSqlPage<AllowedClient, AllowedClient>(this.#deps.database, page, {
      statement: (what) => `select ${what} from organization_client where organization_id = $1`,
      values: [toUuid(organizationId)],
      columns: COLUMNS,
      order: page.sort === 'client_id' ? ['client_id'] : ['created_at', 'client_id'],
      show: (row) => row,
    });
  }

  /** Throws organizations.client_not_found. */
  async require(organizationId: OrganizationId, clientId: string): Promise<AllowedClient> {
    const [row] = await this.#deps.database.sql<AllowedClient>(
      `select ${COLUMNS} from organization_client where organization_id = $1 and client_id = $2`,
      [toUuid(organizationId), clientId],
    );
    if (!row) throw clientNotFound();
    return row;
  }

  /**
   * A client that is allowed already stays so. It gets no permission by this: its roles in the organization are assigned.
   * Throws organizations.not_found, organizations.client_unknown, organizations.client_not_machine,
   * organizations.too_many_clients.
   */
  async allow(organizationId: OrganizationId, clientId: string, by: By): Promise<void> {
    const { clock, database, audit, clients } = this.#deps;
    const client = await clients.find(clientId);
    if (client === null) throw clientUnknown();
    // RFC 6749 §4.4: it asks for tokens of its own.
    if (!client.metadata.grant_types.includes('client_credentials')) throw clientNotMachine();
    await database.transaction(async (em) => {
      await lockOrganization(em, organizationId);
      const [{ count } = { count: 0 }] = await em.execute<{ count: number }[]>(
        'select count(*)::int as count from organization_client where organization_id = ? and client_id <> ?',
        [toUuid(organizationId), clientId],
      );
      if (count >= MOST_CLIENTS) throw tooManyClients(MOST_CLIENTS);
      const added = await em.execute<unknown[]>(
        `insert into organization_client (organization_id, client_id, allowed_by, created_at) values (?, ?, ?, ?)
         on conflict (organization_id, client_id) do nothing returning 1`,
        [toUuid(organizationId), clientId, by.actor.id ?? null, clock.now()],
      );
      if (added.length > 0) await audit.record(em, organizationClientAllowed(eventAbout(organizationId, clientId, by)));
    });
  }

  /** Throws organizations.not_found, organizations.client_not_found. */
  async remove(organizationId: OrganizationId, clientId: string, by: By): Promise<void> {
    const { database, audit } = this.#deps;
    await database.transaction(async (em) => {
      await lockOrganization(em, organizationId);
      const removed = await em.execute<unknown[]>(
        'delete from organization_client where organization_id = ? and client_id = ? returning 1',
        [toUuid(organizationId), clientId],
      );
      if (removed.length === 0) throw clientNotFound();
      await audit.record(em, organizationClientRemoved(eventAbout(organizationId, clientId, by)));
    });
  }
}

const eventAbout = (organizationId: OrganizationId, clientId: string, by: By) => ({
  ...by,
  subject: { type: 'organization', id: organizationId },
  organizationId,
  details: { client_id: clientId },
});
