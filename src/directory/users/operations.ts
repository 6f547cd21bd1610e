import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { lastAdministrator, propertiesInvalid, rightsMissing, userNotFound } from './errors.ts';
import type { PropertyService } from './property-service.ts';
import type { UserService } from './user-service.ts';
import { userOnWire, userSchema } from './user-wire.ts';
import { userDisabled, userEnabled, userPropertiesChanged } from './events.ts';

type Services = { users: Pick<UserService, 'changeStatus'>; properties: Pick<PropertyService, 'change'> };

const params = { user_id: idSchema('usr') };

const disableUser = operation({
  name: 'users.disable',
  permission: 'users.manage',
  params,
  output: userSchema,
  errors: [userNotFound, rightsMissing, lastAdministrator],
  event: userDisabled,
  description: 'Disable a user and end all its sessions and tokens.',
  run: async ({ user_id: id }, by: By, { users }: Services) => userOnWire(await users.changeStatus(id, 'disabled', by)),
});

const enableUser = operation({
  name: 'users.enable',
  permission: 'users.manage',
  params,
  output: userSchema,
  errors: [userNotFound, rightsMissing],
  event: userEnabled,
  description: 'Enable a disabled user, who can sign in again.',
  run: async ({ user_id: id }, by: By, { users }: Services) => userOnWire(await users.changeStatus(id, 'active', by)),
});

const updateProperties = operation({
  name: 'users.properties.update',
  permission: 'users.manage',
  params,
  input: z.strictObject({
    set: z
      .record(z.string(), z.unknown(), 'must be an object')
      .default({})
      .describe('Properties to change; null removes one. Without properties the command shows the present ones'),
  }),
  output: z.strictObject({ id: z.string(), properties: z.record(z.string(), z.unknown()) }),
  errors: [userNotFound, rightsMissing, propertiesInvalid],
  event: userPropertiesChanged,
  description: 'Show or change the custom properties of a user.',
  example: { set: { department: 'Sales' } },
  command: { words: 'user properties' },
  run: async ({ user_id: id, set }, by: By, { properties }: Services) => ({
    id,
    properties: await properties.change(id, set, by),
  }),
});

export const userOperations = [disableUser, enableUser, updateProperties];
