/** The management API: which operations it offers. */
import { createApi, type createApiStores } from '#api/module.ts';
import type { By } from '#audit/module.ts';
import type { BoundOperation } from '#kernel/operations/bound-operation.ts';
import { operations } from './operations.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';

/** Operations that have no address yet. Every other one has. */
const withoutAddress: readonly string[] = ['database.migrate', 'instance.check', 'users.import', 'users.export'];

/** The names of those with an address. */
export const mounted: readonly string[] = operations
  .map(({ name }) => name)
  .filter((name) => !withoutAddress.includes(name));

/** Creates the management API over the given operations: its routes and its OpenAPI document. */
export function createManagementApi(
  { config, throttle }: Kernel,
  { policies, users, effective }: Nouns,
  { oidc }: Provider,
  {
    operations: bound,
    version,
    stores,
  }: { operations: readonly BoundOperation<By>[]; version: string; stores: ReturnType<typeof createApiStores> },
) {
  return createApi({
    config,
    version,
    operations: bound,
    mounted,
    tokens: oidc.accessTokens,
    users,
    effective,
    throttle,
    policies,
    stores,
  });
}
