/** Roles: which permissions a role carries, and which other roles it inherits. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { lastOwner, organizationNotFound, permissionsNotHeld, roleNotFound } from '#directory/organizations/errors.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { searchText, timeSchema } from '#kernel/operations/schemas.ts';
import { roleBuiltIn, roleCycle, roleInvalid, roleNameTaken, tooManyRoles } from './errors.ts';
import { roleChanged, roleCreated, roleDeleted } from './events.ts';
import { MOST_PARENTS, MOST_PERMISSIONS } from './limits.ts';
import { onInstance, onOrganization, optionally, type OperationPlace, placeOf } from './operation-place.ts';
import type { RoleService, ShownRole } from './role-service.ts';
import { descriptionText } from './shown-texts.ts';

type Services = { roles: RoleService };

const roleSchema = z.strictObject({
  id: z.string(),
  organization_id: z.string().nullable().describe('Null for a role of the instance, which every organization can use'),
  name: z.string(),
  description: z.string(),
  built_in: z.boolean(),
  inherits: z.array(z.string()).describe('Names of the roles that it inherits directly'),
  permissions: z.array(z.string()).describe('Its own permissions, without inherited ones'),
  created_at: timeSchema,
});

/** Names stand in tokens and on the command line, and none can be mistaken for an id. */
const roleName = z
  .string()
  .regex(
    /^(?!rol_)[A-Za-z][A-Za-z0-9_.:-]{0,63}$/,
    'must begin with a letter and have letters, digits and _ . : - only',
  )
  .describe('Name, as tokens show it');
const idOrName = z.string().max(64).describe('Identifier or name of the role');
const inherits = z.array(z.string().max(64)).max(MOST_PARENTS).describe('Names or ids of roles that it inherits');
const permissions = z
  .array(z.string().max(2200))
  .max(MOST_PERMISSIONS)
  .describe('Permissions: built-in ones, and scopes of APIs as "https://api.example.com read"');
const options = { inherits: { flags: '--inherit <role>', read: collect } };

function collect(text: string, previous: unknown): unknown {
  return [...((previous as unknown[] | undefined) ?? []), text];
}

function operationsOn(place: OperationPlace) {
  const ofRole = { ...place.params, role_id: idOrName };
  return [
    listOperation({
      name: place.named('roles.list'),
      permission: place.read,
      params: place.params,
      filters: {
        search: searchText.optional().describe('Only roles whose name or description contains this text'),
        permission: z.string().max(2200).optional().describe('Only roles that carry this permission themselves'),
        built_in: z.boolean().optional().describe('Only roles that are built in, or that are not'),
      },
      sorts: ['created_at', 'name'],
      items: 'roles',
      item: roleSchema,
      errors: [...notThere(place)],
      description: 'List the roles that can be given there, oldest first.',
      example: { limit: 20, built_in: false },
      command: place.command('role list', 'list-roles', { options: { built_in: { flags: '--built-in <yes>' } } }),
      run: async ({ built_in: isBuiltIn, search, permission, ...given }, page, _by: By, { roles }: Services) => {
        const { items, ...others } = await roles.page(placeOf(given), { search, permission, isBuiltIn }, page);
        return { ...others, items: items.map(roleOnWire) };
      },
    }),
    operation({
      name: place.named('roles.read'),
      permission: place.read,
      params: ofRole,
      output: roleSchema,
      errors: [roleNotFound, ...notThere(place)],
      description: 'Show a role.',
      command: place.command('role show', 'show-role'),
      run: async ({ role_id: id, ...given }, _by: By, { roles }: Services) =>
        roleOnWire(await roles.require(placeOf(given), id)),
    }),
    operation({
      name: place.named('roles.create'),
      permission: place.manage,
      params: place.params,
      input: z.strictObject({
        name: roleName,
        description: optionally(descriptionText),
        inherits: optionally(inherits),
        permissions: optionally(permissions),
      }),
      output: roleSchema,
      errors: [permissionsNotHeld, roleNotFound, roleNameTaken, roleInvalid, tooManyRoles, ...notThere(place)],
      event: roleCreated,
      description: 'Create a role. The caller has every permission that it carries.',
      example: { name: 'billing', inherits: ['TENANT_USER'], permissions: ['organization.members.read'] },
      command: place.command('role create', 'create-role', { options }),
      run: async (given, by: By, { roles }: Services) => roleOnWire(await roles.create(placeOf(given), given, by)),
    }),
    operation({
      name: place.named('roles.update'),
      permission: place.manage,
      params: ofRole,
      input: z.strictObject({
        name: optionally(roleName),
        description: optionally(descriptionText),
        inherits: optionally(inherits),
        permissions: optionally(permissions),
      }),
      output: roleSchema,
      errors: [
        permissionsNotHeld,
        roleNotFound,
        roleBuiltIn,
        roleNameTaken,
        roleInvalid,
        roleCycle,
        lastOwner,
        ...notThere(place),
      ],
      event: roleChanged,
      description: 'Change a role. Lists replace the lists that it had; every holder of the role follows at once.',
      example: { permissions: ['organization.members.read'] },
      command: place.command('role change', 'change-role', { options }),
      run: async ({ role_id: idOrName, ...given }, by: By, { roles }: Services) => {
        const { id } = await roles.require(placeOf(given), idOrName);
        return roleOnWire(await roles.change(placeOf(given), id, given, by));
      },
    }),
    operation({
      name: place.named('roles.delete'),
      permission: place.manage,
      params: ofRole,
      output: z.strictObject({ id: z.string(), deleted: z.literal(true) }),
      errors: [permissionsNotHeld, roleNotFound, roleBuiltIn, lastOwner, ...notThere(place)],
      event: roleDeleted,
      description: 'Delete a role, with all its assignments.',
      command: place.command('role delete', 'delete-role'),
      run: async ({ role_id: idOrName, ...given }, by: By, { roles }: Services) => {
        const { id } = await roles.require(placeOf(given), idOrName);
        await roles.delete(placeOf(given), id, by);
        return { id, deleted: true as const };
      },
    }),
  ];
}

const notThere = (place: OperationPlace) => (place === onOrganization ? [organizationNotFound] : []);

function roleOnWire(role: ShownRole): z.input<typeof roleSchema> {
  const { id, organizationId, name, description, isBuiltIn, createdAt } = role;
  return {
    id,
    organization_id: organizationId,
    name,
    description,
    built_in: isBuiltIn,
    inherits: [...role.inherits],
    permissions: [...role.permissions],
    created_at: createdAt.toISOString(),
  };
}

export const roleOperations = [onInstance, onOrganization].flatMap(operationsOn);
