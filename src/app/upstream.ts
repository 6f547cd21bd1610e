/** Upstream identity providers. */
import { createConnections } from '#connections/module.ts';
import type { Kernel } from './kernel.ts';

type Needs = Pick<
  Parameters<typeof createConnections>[0],
  | 'audit'
  | 'deletion'
  | 'properties'
  | 'clients'
  | 'roles'
  | 'tokens'
  | 'organizations'
  | 'domains'
  | 'users'
  | 'isOwner'
  | 'messages'
  | 'samlKeys'
>;

/** Creates the connections to upstream identity providers. */
export function createUpstream(
  kernel: Kernel,
  {
    audit,
    deletion,
    properties,
    clients,
    roles,
    tokens,
    organizations,
    domains,
    users,
    isOwner,
    messages,
    samlKeys,
  }: Needs,
) {
  const { config, clock, database, keyRing, invalidation, outbound, throttle, log } = kernel;
  return {
    connections: createConnections({
      clock,
      database,
      keyRing,
      audit,
      invalidation,
      outbound,
      throttle,
      log,
      issuer: config.issuer,
      deletion,
      properties,
      clients,
      roles,
      messages,
      samlKeys,
      tokens,
      organizations,
      domains,
      users,
      isOwner,
    }),
  };
}
