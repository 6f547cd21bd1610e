/**
 * api: the door of the management API.
 *
 * Owns    access: the checks of the access token, its audience, its permission and the limits; the addresses, which come from
 *         the names of operations; the document of OpenAPI; conditions of calls, turns of changes, and outcomes by idempotency keys.
 * Leaves  the acts to the operations of each slice, which are passed in; the validity of a token to oidc; the permissions of a user
 *         to access; the form of errors to the kernel.
 * URLs    /api/v1/*, /api/openapi.json, /api/docs/* (the explorer: the same document as pages).
 */
import type { EffectivePermissions } from '#directory/access/module.ts';
import type { By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Config } from '#kernel/config.ts';
import { type Mount, READ } from '#kernel/http/mounts.ts';
import type { BoundOperation } from '#kernel/operations/bound-operation.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { AccessTokens } from '#oidc/module.ts';
import type { Policies } from '#settings/module.ts';
import type { UserService } from '#directory/users/module.ts';
import { ConditionalCalls } from './conditional-calls.ts';
import { Callers } from './callers.ts';
import { directCalls } from './direct-calls.ts';
import type { ApiDocument } from './document-form.ts';
import { documentOf } from './document.ts';
import { StoredAnswers } from './idempotency/stored-answers.ts';
import { explorerRoutes } from './explorer-routes.ts';
import { mountedOperations } from './mounted-operation.ts';
import { ObjectTurns } from './preconditions/object-turns.ts';
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
  policies: Policies<'limits' | 'api'>;
  stores: ReturnType<typeof createApiStores>;
};

/** Creates the records of calls that the API keeps: their outcomes by idempotency keys, and the turns of those that change an object. */
export function createApiStores(kernel: {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
}) {
  return { answers: new StoredAnswers(kernel), turns: new ObjectTurns(kernel) };
}

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
  stores: { answers, turns },
}: Dependencies) {
  const { issuer } = config;
  const mounted = mountedOperations(operations, names);
  let made: ApiDocument | undefined;
  let text: string | undefined;
  const described = (): ApiDocument => (made ??= documentOf({ issuer, version, mounted }));
  /** Made at the first request: that takes longer than the rest of the API, and most processes never get the request. */
  const document = (): string => (text ??= JSON.stringify(described()));
  const callers = new Callers({ users, effective, throttle, policies });
  const calls = new ConditionalCalls({ issuer, mounted, turns });
  const routes = apiRoutes({ issuer, mounted, document, tokens, callers, calls, answers });
  const explorer = explorerRoutes({ document: described, policies });
  return {
    routes,
    explorer,
    refuseOtherMethods: refuseOtherMethods(routes),
    direct: directCalls({ mounted, tokens, callers }),
  };
}

/** Where it is. Each address says itself which methods it takes. */
export const apiMounts: readonly Mount[] = [
  { path: '/api/openapi.json', audience: 'problem', methods: READ, constant: true },
  { path: '/api/docs', audience: 'page', methods: READ },
  { path: '/api/docs/*', audience: 'page', methods: READ },
  { path: '/api/*', audience: 'problem', methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] },
];

export { StoredAnswer } from './idempotency/stored-answers.ts';
export { ObjectTurn } from './preconditions/object-turns.ts';
