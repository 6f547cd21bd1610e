import type { OrganizationId } from '#directory/organizations/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { isConfigured } from './connection-rules.ts';
import { Connection } from './connection.ts';
import { connectionDemanded, connectionLastWay } from './errors.ts';
import { MOST_NAMED_USERS } from './limits.ts';

export type DeletionDependencies = {
  /** Users who could not come back without a connection. `others`: slugs of the connections that stay. */
  findStranded(
    em: EntityManager,
    connection: { slug: string; organizationId: OrganizationId | null },
    asked: { others: readonly string[]; most: number },
  ): Promise<readonly { id: string; name: string }[]>;
  domains: {
    demandingOtherThan(
      em: EntityManager,
      organizationId: OrganizationId,
      connections: readonly string[],
    ): Promise<readonly string[]>;
  };
};

/**
 * Refuses to delete a connection that a domain demands, or that is the only way to sign in for a user.
 * Throws connections.demanded, connections.last_way_in.
 */
export async function requireSpare(
  em: EntityManager,
  { id, slug, organizationId = null }: Connection,
  { findStranded, domains }: DeletionDependencies,
): Promise<void> {
  const rows = await em.find(Connection, {
    enabled: true,
    id: { $ne: id },
    $or: [{ organizationId: null }, ...(organizationId === null ? [] : [{ organizationId }])],
  });
  const others = rows.filter(isConfigured);
  if (organizationId !== null) {
    const left = others.filter((other) => other.organizationId === organizationId).map((other) => other.slug);
    const demanding = await domains.demandingOtherThan(em, organizationId, left);
    if (demanding.length > 0) throw connectionDemanded(demanding);
  }
  const asked = { others: others.map((other) => other.slug), most: MOST_NAMED_USERS };
  const stranded = await findStranded(em, { slug, organizationId }, asked);
  if (stranded.length > 0) throw connectionLastWay(stranded);
}
