import type { z } from 'zod';
import {
  isOfOrganizations,
  isOwn,
  type OwnPermission,
  type Permission,
  permissions,
} from '#directory/access/module.ts';
import type { By } from '#audit/module.ts';
import type { OrganizationId } from '#directory/organizations/module.ts';
import { AppError } from '#kernel/errors.ts';
import { parseId } from '#kernel/ids.ts';
import { answerAsJson, type BoundOperation, type Given } from '#kernel/operations/bound-operation.ts';
import type { Operation } from '#kernel/operations/operation.ts';
import type { Body } from '#kernel/operations/written.ts';
import { notFound } from './errors.ts';
import { LISTED_WITHOUT_LIMIT } from './limits.ts';
import { type OperationRoute, routeOf } from './operation-route.ts';
import { queryReader } from './query-text.ts';

/** An operation with its address. */
export type MountedOperation = {
  operation: Operation;
  route: OperationRoute;
  permission: Permission | OwnPermission;
  /** The input as the API takes it. */
  input: z.ZodObject;
  /**
   * The organization in which the caller needs the permission: null for an id that no organization has, undefined where the permission
   * is one on the instance.
   */
  organizationOf(given: Readonly<Record<string, unknown>>): OrganizationId | null | undefined;
  /** Throws what says that nothing has this id, where a parameter has a form that no id has. */
  readParams<Params>(given: Params): Params;
  readQuery(query: Readonly<Record<string, unknown>>): Record<string, unknown>;
  call: BoundOperation<By>['call'];
  /** The answer as JSON, which may come from memory. */
  answer(given: Given, by: By): Promise<string>;
  /** The same, as bytes where they are ready. */
  body(given: Given, by: By): Promise<Body>;
};

/**
 * Finds the operations of these names among all, and their addresses.
 * @throws Error when one does not exist, needs a permission that does not exist, has the address of another one, or is a list
 * without a limit.
 */
export function mountedOperations(
  all: readonly BoundOperation<By>[],
  names: readonly string[],
): readonly MountedOperation[] {
  const known = new Map(all.map((bound) => [bound.operation.name, bound]));
  const taken = new Set<string>();
  return names.map((name) => {
    const bound = known.get(name);
    if (!bound) throw new Error(`there is no operation ${name}`);
    const mounted = mountedOperation(bound);
    const place = `${mounted.route.method} ${mounted.route.path.replaceAll(/\{\w+\}/g, '{}')}`;
    if (taken.has(place)) throw new Error(`two operations have the address ${place}`);
    taken.add(place);
    return mounted;
  });
}

function mountedOperation(bound: BoundOperation<By>): MountedOperation {
  const { operation, call } = bound;
  const { name, permission } = operation;
  if (!isPermission(permission)) throw new Error(`the operation ${name} needs a permission that does not exist`);
  const route = routeOf(operation);
  const isList = name.endsWith('.list');
  if (isList && !Object.hasOwn(operation.input.shape, 'limit')) throw new Error(`the list ${name} has no limit`);
  const limit = route.method === 'GET' ? (operation.input.shape['limit'] as z.ZodType | undefined) : undefined;
  const readText = queryReader(operation.input);
  return {
    operation,
    route,
    permission,
    input: limit ? operation.input.safeExtend({ limit: limit.default(LISTED_WITHOUT_LIMIT) }) : operation.input,
    organizationOf: ({ organization_id: id }) =>
      isOfOrganizations(permission) && Object.hasOwn(operation.params.shape, 'organization_id')
        ? parseId('org', String(id))
        : undefined,
    readParams(given) {
      if (!operation.params.safeParse(given).success) throw missing(operation);
      return given;
    },
    readQuery: (query) => ({ ...(limit ? { limit: LISTED_WITHOUT_LIMIT } : {}), ...readText(query) }),
    call,
    answer: async (given, by) => String((await answerAsJson(bound, given, by)).json),
    body: async (given, by) => answerAsJson(bound, given, by),
  };
}

/** Whether its answer is the representation of one object, whose tag clients send back to change it. */
export const hasEntityTag = ({ name, event }: Pick<Operation, 'name' | 'event'>): boolean =>
  event === null && name.endsWith('.read');

const isPermission = (name: string): name is Permission | OwnPermission =>
  Object.hasOwn(permissions, name) || isOwn(name);

/** As the operation says it, so that a made-up id and one of another kind are answered like one of something that is gone. */
function missing({ errors }: Operation): AppError {
  const named = errors.find(({ status }) => status === 404);
  return named?.message
    ? new AppError({ ...named, message: named.message, code: named.code, status: 404 })
    : notFound();
}
