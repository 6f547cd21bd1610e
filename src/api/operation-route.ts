import type { Operation } from '#kernel/operations/operation.ts';

/** The base path of the management API; another version would have its own. */
const API_ROOT = '/api/v1';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export type OperationRoute = {
  method: Method;
  /** As OpenAPI writes it: `/api/v1/users/{user_id}`. */
  path: string;
  /** Of an answer that is no error. */
  status: 200 | 201;
  /** Whether the input stands in the query. */
  reads: boolean;
};

/** Verbs that HTTP has a method for; every other verb is a POST to an address of its own. */
const methods: Readonly<Record<string, Method>> = {
  list: 'GET',
  read: 'GET',
  create: 'POST',
  update: 'PATCH',
  delete: 'DELETE',
};
const word = /^[a-z][a-z0-9_]*$/;
/** These nouns name one thing, so no id follows them. */
const singletons: readonly string[] = ['me', 'branding', 'saml'];

/**
 * The route of an operation, from its name and its parameters: `users.require_password` of a `user_id` is POST
 * /api/v1/users/{user_id}/require-password, `clients.secrets.rotate` of a `client_id` POST /api/v1/clients/{client_id}/secrets/rotate.
 * @throws Error when the name or a parameter can stand in no path.
 */
export function routeOf({ name, params }: Pick<Operation, 'name' | 'params'>): OperationRoute {
  const nouns = name.split('.');
  const verb = nouns.pop() ?? '';
  const ids = Object.keys(params.shape);
  if (nouns.length === 0 || ![...nouns, verb, ...ids].every((part) => word.test(part)))
    throw new Error(`the operation ${name} has no route`);
  const [method, own] = Object.hasOwn(methods, verb) ? [methods[verb]!, []] : (['POST', [verb]] as const);
  const left = [...ids];
  const nested = nouns.flatMap((noun) => {
    const id = singletons.includes(noun) ? undefined : left.shift();
    return [inPath(noun), ...(id === undefined ? [] : [`{${id}}`])];
  });
  const path = [...nested, ...left.map((id) => `{${id}}`), ...own.map(inPath)];
  return {
    method,
    path: `${API_ROOT}/${path.join('/')}`,
    status: verb === 'create' ? 201 : 200,
    reads: method === 'GET',
  };
}

/** Words of an address are joined by hyphens, words of a name by underscores. */
const inPath = (name: string): string => name.replaceAll('_', '-');
