import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import {
  lastAdministrator,
  lastOwner,
  propertiesInvalid,
  rightsMissing,
  usernameInvalid,
  usernameMissing,
  usernameNeeded,
  usernamesOff,
  usernameTaken,
  userNotFound,
} from './errors.ts';
import type { OrganizationCreation } from './organization-creation.ts';
import type { PropertyService } from './property-service.ts';
import type { Usernames } from './usernames.ts';
import type { UserService } from './user-service.ts';
import { userDetailOnWire, userDetailSchema } from './user-wire.ts';
import {
  userDisabled,
  userEnabled,
  userOrganizationCreationChanged,
  userPropertiesChanged,
  userUsernameChanged,
} from './events.ts';

type Services = {
  users: Pick<UserService, 'changeStatus'>;
  properties: Pick<PropertyService, 'change'>;
  usernames: Pick<Usernames, 'change' | 'remove'>;
  organizationCreation: Pick<OrganizationCreation, 'allow'>;
};

const params = { user_id: idSchema('usr') };

const disableUser = operation({
  name: 'users.disable',
  permission: 'users.manage',
  params,
  input: z.strictObject({
    force: z.boolean().default(false).describe('Also where it leaves organizations without an active owner'),
  }),
  output: userDetailSchema,
  errors: [userNotFound, rightsMissing, lastAdministrator, lastOwner],
  event: userDisabled,
  description: 'Disable a user and end all its sessions and tokens.',
  example: { force: false },
  run: async ({ user_id: id, force: isForced }, by: By, { users }: Services) =>
    userDetailOnWire(await users.changeStatus(id, 'disabled', by, { isForced })),
});

const enableUser = operation({
  name: 'users.enable',
  permission: 'users.manage',
  params,
  output: userDetailSchema,
  errors: [userNotFound, rightsMissing],
  event: userEnabled,
  description: 'Enable a disabled user, who can sign in again.',
  run: async ({ user_id: id }, by: By, { users }: Services) =>
    userDetailOnWire(await users.changeStatus(id, 'active', by)),
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

const changeUsername = operation({
  name: 'users.username.update',
  permission: 'users.manage',
  params,
  input: z.strictObject({
    username: z.string().describe('Username for sign-in, where the setting users.username allows it'),
  }),
  output: z.strictObject({ id: z.string(), username: z.string() }),
  errors: [userNotFound, rightsMissing, usernameTaken, usernameInvalid, usernamesOff],
  event: userUsernameChanged,
  description: 'Give a user a username, or another one. The username before is free for other users at once.',
  example: { username: 'ada' },
  command: {
    words: 'user username',
    arguments: { user_id: { flags: '<user_id>' }, username: { flags: '<username>' } },
  },
  run: async ({ user_id: id, username: typed }, by: By, { usernames }: Services) => ({
    id,
    username: await usernames.change(id, typed, by),
  }),
});

const removeUsername = operation({
  name: 'users.username.delete',
  permission: 'users.manage',
  params,
  output: z.strictObject({ id: z.string(), username: z.null() }),
  errors: [userNotFound, rightsMissing, usernameMissing, usernameNeeded],
  event: userUsernameChanged,
  description: 'Take the username from a user, who signs in with the email address from then on.',
  command: { words: 'user remove-username' },
  run: async ({ user_id: id }, by: By, { usernames }: Services) => {
    await usernames.remove(id, by);
    return { id, username: null };
  },
});

const creationSchema = z.strictObject({ id: z.string(), can_create_organizations: z.boolean() });

const allowOrganizations = operation({
  name: 'users.allow_organizations',
  permission: 'users.manage',
  params,
  output: creationSchema,
  errors: [userNotFound, rightsMissing],
  event: userOrganizationCreationChanged,
  description: 'Allow a user to create organizations, where the setting organizations.creation is permitted.',
  run: async ({ user_id: id }, by: By, { organizationCreation }: Services) => {
    await organizationCreation.allow(id, true, by);
    return { id, can_create_organizations: true };
  },
});

const refuseOrganizations = operation({
  name: 'users.refuse_organizations',
  permission: 'users.manage',
  params,
  output: creationSchema,
  errors: [userNotFound, rightsMissing],
  event: userOrganizationCreationChanged,
  description: 'Take the right to create organizations from a user, who keeps those that exist.',
  run: async ({ user_id: id }, by: By, { organizationCreation }: Services) => {
    await organizationCreation.allow(id, false, by);
    return { id, can_create_organizations: false };
  },
});

export const userOperations = [
  disableUser,
  enableUser,
  updateProperties,
  changeUsername,
  removeUsername,
  allowOrganizations,
  refuseOrganizations,
];
