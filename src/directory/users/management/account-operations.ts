/** Accounts of users: details, the end, and what calls the end off. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import type { ClosingService } from '../closing-service.ts';
import {
  lastAdministrator,
  lastOwner,
  legacyIdTaken,
  propertiesInvalid,
  rightsMissing,
  userNotClosing,
  userNotFound,
} from '../errors.ts';
import { userClosingCancelled, userClosingRequested, userProfileChanged } from '../events.ts';
import { profileSchema } from '../profile.ts';
import type { PropertyService } from '../property-service.ts';
import type { UserId } from '../user.ts';
import type { UserDetails } from '../user-details.ts';
import type { UserService } from '../user-service.ts';
import { userDetailOnWire, userDetailSchema } from '../user-wire.ts';

type Services = {
  users: Pick<UserService, 'findById'>;
  details: Pick<UserDetails, 'change'>;
  properties: Pick<PropertyService, 'read'>;
  closing: Pick<ClosingService, 'delete' | 'restore'>;
};

const params = { user_id: idSchema('usr') };
const { address, ...claims } = profileSchema.shape;
const removable = <Schema extends z.ZodType>(schema: Schema, words: string) =>
  schema.nullable().optional().describe(words);
const claimPatches = Object.fromEntries(
  Object.entries(claims).map(([claim, schema]) => [claim, removable(schema, `Claim ${claim}`)]),
) as unknown as { [Claim in keyof typeof claims]: z.ZodOptional<z.ZodNullable<(typeof claims)[Claim]>> };
const partsOfAddress = address.unwrap().shape;
const addressPatch = z.strictObject(
  Object.fromEntries(Object.entries(partsOfAddress).map(([part, schema]) => [part, schema.nullable()])) as unknown as {
    [Part in keyof typeof partsOfAddress]: z.ZodNullable<(typeof partsOfAddress)[Part]>;
  },
);

/** The members of a merge patch (RFC 7396) of a user. */
export const userPatchShape = {
  ...claimPatches,
  address: removable(addressPatch, 'Postal address (OpenID Connect Core §5.1.1), as JSON; its members are merged'),
  legacy_id: removable(z.string().trim().min(1).max(255), 'Id of the user in the system before this one'),
  properties: z
    .record(z.string(), z.unknown(), 'must be an object')
    .optional()
    .describe('Custom properties to change, as JSON; null removes one'),
};

const updateUser = operation({
  name: 'users.update',
  permission: 'users.manage',
  params,
  input: z.strictObject(userPatchShape),
  output: userDetailSchema,
  errors: [userNotFound, rightsMissing, legacyIdTaken, propertiesInvalid],
  event: userProfileChanged,
  description:
    'Change the profile, the properties or the legacy_id of a user. Members that are not named stay, null removes one. Email addresses, phone numbers, usernames, passwords and the status have operations of their own.',
  example: { given_name: 'Ada', nickname: null, properties: { department: 'Sales' } },
  command: {
    others: {
      flags: '--merge-patch <json>',
      members: [],
      description: 'Members as JSON, such as {"nickname":null} to remove one',
    },
  },
  run: async ({ user_id: id, ...patch }, by: By, services: Services) => {
    await changeUser(id, patch, by, services);
    return shown(id, services);
  },
});

type UserPatch = z.output<z.ZodObject<typeof userPatchShape>>;

/** Changes what a merge patch names. Throws the errors of `users.update`. */
export async function changeUser(
  id: UserId,
  { legacy_id: legacyId, properties = {}, ...profile }: UserPatch,
  by: By,
  { details }: Pick<Services, 'details'>,
): Promise<void> {
  await details.change(id, { profile, properties, legacyId }, by);
}

const deleteUser = operation({
  name: 'users.delete',
  permission: 'users.manage',
  params,
  input: z.strictObject({
    immediately: z.boolean().default(false).describe('Erase the account now; nothing brings it back'),
    force: z.boolean().default(false).describe('Also where it leaves organizations without an active owner'),
  }),
  output: z.strictObject({
    id: z.string(),
    deleted: z.boolean().describe('Whether the account is erased already'),
    deletes_at: timeSchema.nullable().describe('When it is erased, unless it is restored before'),
  }),
  errors: [userNotFound, rightsMissing, lastAdministrator, lastOwner],
  event: userClosingRequested,
  description:
    'Close the account of a user: all sessions and tokens end, and the account is erased after the days of the setting account.deletionDays, or immediately. Until then the user calls it off by signing in, unless the user is disabled.',
  example: { immediately: false },
  run: async ({ user_id: id, immediately: isImmediate, force: isForced }, by: By, { closing }: Services) => {
    const goesAt = await closing.delete(id, by, { isImmediate, isForced });
    return { id, deleted: goesAt === null, deletes_at: goesAt?.toISOString() ?? null };
  },
});

const restoreUser = operation({
  name: 'users.restore',
  permission: 'users.manage',
  params,
  output: userDetailSchema,
  errors: [userNotFound, rightsMissing, userNotClosing],
  event: userClosingCancelled,
  description: 'Call off the end of an account that is being closed. The user can sign in as before.',
  run: async ({ user_id: id }, by: By, services: Services) => {
    await services.closing.restore(id, by);
    return shown(id, services);
  },
});

const readProperties = operation({
  name: 'users.properties.read',
  permission: 'users.read',
  params,
  output: z.strictObject({ id: z.string(), properties: z.record(z.string(), z.unknown()) }),
  errors: [userNotFound],
  description: 'Show the custom properties of a user.',
  command: { words: 'user show-properties' },
  run: async ({ user_id: id }, _by: By, { properties }: Services) => ({ id, properties: await properties.read(id) }),
});

async function shown(id: UserId, { users }: Pick<Services, 'users'>): Promise<z.input<typeof userDetailSchema>> {
  const user = await users.findById(id);
  if (user === null) throw userNotFound();
  return userDetailOnWire(user);
}

export const accountOperations = [updateUser, deleteUser, restoreUser, readProperties];
