/** Permissions: everything that roles can carry, in words. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { organizationNotFound } from '#directory/organizations/errors.ts';
import { inputInvalid } from '#kernel/operations/input.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { searchText } from '#kernel/operations/schemas.ts';
import { onInstance, onOrganization, type OperationPlace, placeOf } from './operation-place.ts';
import type { ListedPermission, PermissionList } from './permission-list.ts';

type Services = { permissionList: PermissionList };

const permissionSchema = z.strictObject({
  name: z.string().describe('Name, as roles carry it'),
  description: z.string(),
  scope: z.enum(['instance', 'organization']).describe('Whether it counts on the instance or in organizations'),
  includes: z.array(z.string()).describe('Permissions that it brings'),
  roles: z.array(z.string()).describe('Built-in roles that carry or inherit it'),
});

const search = searchText.optional().describe('Only permissions whose name or words contain this text');
const ofInstance = {
  search,
  scope: z.enum(['instance', 'organization']).optional().describe('Only permissions of this scope'),
  role: z.string().max(64).optional().describe('Only permissions that the built-in role of this name has'),
  api: z
    .string()
    .max(2048)
    .optional()
    .describe('Identifier of an API: its scopes, in place of the built-in permissions'),
};
const { api: _api, scope: _scope, ...ofOrganization } = ofInstance;

type Filters = {
  search?: string | undefined;
  scope?: string | undefined;
  role?: string | undefined;
  api?: string | undefined;
};

function permissionsOn(place: OperationPlace, filters: typeof ofInstance | typeof ofOrganization) {
  return listOperation({
    name: place.named('permissions.list'),
    permission: place.read,
    params: place.params,
    filters,
    sorts: ['name'],
    items: 'permissions',
    item: permissionSchema,
    errors: place === onOrganization ? [organizationNotFound] : [],
    description: 'List the permissions that roles can carry there, in words.',
    example: { role: 'TENANT_ADMIN' },
    command: place.command('permission list', 'list-permissions'),
    run: async (given, page, _by: By, { permissionList }: Services) => {
      const { api, ...wanted } = given as Filters;
      const found = api === undefined ? await permissionList.builtIn(placeOf(given)) : await permissionList.ofApi(api);
      if (found === null) throw inputInvalid({ api: 'is no identifier of an API' });
      const { items, ...others } = pageOfAll(
        found.filter((permission) => isWanted(permission, wanted)),
        page,
        ({ name }) => name,
      );
      return {
        ...others,
        items: items.map((each) => ({ ...each, includes: [...each.includes], roles: [...each.roles] })),
      };
    },
  });
}

function isWanted({ name, description, scope, roles }: ListedPermission, wanted: Filters): boolean {
  const text = wanted.search?.toLowerCase();
  return (
    (wanted.scope === undefined || scope === wanted.scope) &&
    (wanted.role === undefined || roles.includes(wanted.role)) &&
    (text === undefined || `${name}\n${description}`.toLowerCase().includes(text))
  );
}

export const permissionOperations = [
  permissionsOn(onInstance, ofInstance),
  permissionsOn(onOrganization, ofOrganization),
];
