/**
 * api: the door of the management API.
 *
 * Owns    access: the checks of the access token, its audience, its permission and the limits; the addresses, which come from
 *         the names of operations; the document of OpenAPI.
 * Leaves  the acts to the operations of each slice, which are passed in; the validity of a token to oidc; the permissions of a user
 *         to access; the form of errors to the kernel.
 * URLs    /api/v1/*, /api/openapi.json.
 */
import type { EffectivePermissions } from '#directory/access/module.ts';
import type { By } from '#audit/module.ts';
import type { Config } from '#kernel/config.ts';
import { type Mount, READ } from '#kernel/http/mounts.ts';
import type { BoundOperation } from '#kernel/operations/bound-operation.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { AccessTokens } from '#oidc/module.ts';
import type { Policies } from '#settings/module.ts';
import type { UserService } from '#directory/users/module.ts';
import { Callers } from './callers.ts';
import { directCalls } from './direct-calls.ts';
import { documentOf } from './document.ts';
import { mountedOperations } from './mounted-operation.ts';
import { apiRoutes, refuseOtherMethods } from './routes.ts';

export type Dependencies = {
  config: Pick<Config, 'issuer'>;
  version: string;
  operations: readonly BoundOperation<By>[];
  /** The names of those that the API offers. */
  mounted: readonly string[];
  tokens: Pick<AccessTokens, 'check' | 'known'>;
  users: Pick<UserService, 'findById'>;
  effective: Pick<EffectivePermissions, 'mayBy' | 'permissionsOf'>;
  throttle: Pick<Throttle, 'spend'>;
  policies: Policies<'limits'>;
};

/** @throws Error when an operation that is named cannot be mounted. */
export function createApi({
  config,
  version,
  operations,
  mounted: names,
  tokens,
  users,
  effective,
  throttle,
  policies,
}: Dependencies) {
  const { issuer } = config;
  const mounted = mountedOperations(operations, names);
  let text: string | undefined;
  /** Made at the first request: that takes longer than the rest of the API, and most processes never get the request. */
  const document = (): string => (text ??= JSON.stringify(documentOf({ issuer, version, mounted })));
  const callers = new Callers({ users, effective, throttle, policies });
  const routes = apiRoutes({ issuer, mounted, document, tokens, callers });
  return { routes, refuseOtherMethods: refuseOtherMethods(routes), direct: directCalls({ mounted, tokens, callers }) };
}

/** Where it is. Each address says itself which methods it takes. */
export const apiMounts: readonly Mount[] = [
  { path: '/api/openapi.json', audience: 'problem', methods: READ, constant: true },
  { path: '/api/*', audience: 'problem', methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] },
];
