import type { OrganizationId } from '#directory/organizations/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { containing, type Page, pageFind, pageOf, type PageRequest } from '#kernel/operations/list-operation.ts';
import { Connection } from './connection.ts';

/** `organizationId`: null for connections of the instance. `search`: a part of the name or the slug. */
export type ConnectionFilters = {
  organizationId: OrganizationId | null;
  provider?: Connection['provider'] | undefined;
  enabled?: boolean | undefined;
  search?: string | undefined;
};
export type ConnectionSort = 'position' | 'name' | 'created_at';

/** A page of the connections that match. */
export async function connectionPage(
  em: EntityManager,
  { organizationId, provider, enabled, search }: ConnectionFilters,
  page: PageRequest<ConnectionSort>,
): Promise<Page<Connection>> {
  const { sort } = page;
  const text = search === undefined ? undefined : { $ilike: containing(search) };
  const matching = {
    organizationId,
    ...(provider === undefined ? {} : { provider }),
    ...(enabled === undefined ? {} : { enabled }),
    ...(text === undefined ? {} : { $or: [{ name: text }, { slug: text }] }),
  };
  const { where, options } = pageFind(page, sort === 'created_at' ? ['id'] : [sort, 'id']);
  const [rows, total] = await Promise.all([
    em.find(Connection, { $and: [matching, where] }, options),
    page.wantsTotal ? em.count(Connection, matching) : undefined,
  ]);
  const positionOf = (row: Connection) => (sort === 'created_at' ? [row.id] : [row[sort], row.id]);
  return { ...pageOf(rows, page, { show: (row) => row, positionOf }), total };
}
