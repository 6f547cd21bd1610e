/** The management API: which operations it offers. */
import { createApi } from '#api/module.ts';
import type { By } from '#audit/module.ts';
import type { BoundOperation } from '#kernel/operations/bound-operation.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';

/** One row each. */
export const mounted = [
  'users.read',
  'users.disable',
  'users.organizations.list',
  'clients.list',
  'organizations.create',
  'organizations.list',
  'organizations.read',
  'organizations.update',
  'organizations.suspend',
  'organizations.resume',
  'organizations.close',
  'organizations.reopen',
  'organizations.branding.read',
  'organizations.branding.update',
  'organizations.logo.update',
  'organizations.members.list',
  'organizations.members.read',
  'organizations.members.create',
  'organizations.members.delete',
  'organizations.domains.list',
  'organizations.domains.create',
  'organizations.domains.confirm',
  'organizations.domains.update',
  'organizations.domains.delete',
  'organizations.join_requests.list',
  'organizations.join_requests.approve',
  'organizations.join_requests.refuse',
  'organizations.clients.list',
  'organizations.clients.allow',
  'organizations.clients.delete',
] as const;

/** Creates the management API over the given operations: its routes and its OpenAPI document. */
export function createManagementApi(
  { config, throttle }: Kernel,
  { policies, users, effective }: Nouns,
  { oidc }: Provider,
  { operations, version }: { operations: readonly BoundOperation<By>[]; version: string },
) {
  return createApi({
    config,
    version,
    operations,
    mounted,
    tokens: oidc.accessTokens,
    users,
    effective,
    throttle,
    policies,
  });
}
