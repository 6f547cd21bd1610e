/** Users together with their credentials. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { bulkResults, bulkRows, eachRow } from '#kernel/operations/bulk.ts';
import { readInput } from '#kernel/operations/input.ts';
import {
  emailInvalid,
  emailTaken,
  identifierMissing,
  legacyIdTaken,
  profileInvalid,
  rightsMissing,
  roleNotHeld,
  usernameInvalid,
  usernameMissing,
  usernamesOff,
  usernameTaken,
  userNotFound,
} from '#directory/users/errors.ts';
import type { UserId } from '#directory/users/module.ts';
import { profileSchema } from '#directory/users/profile.ts';
import { givenEmail } from '#directory/users/typed/email-address.ts';
import { userSorts } from '#directory/users/management/user-sorts.ts';
import { hashingBusy, noPassword, passwordErrors } from './errors.ts';
import { listedOnWire, listedSchema, shownSchema, wholeOnWire } from './shown-user.ts';
import type { ShownUsers } from './shown-users.ts';
import type { NewUser, UserAdministration } from './user-administration.ts';
import { userCreated, userPasswordDemanded } from '#directory/users/events.ts';
import { userFilterOptions, userFilters } from './user-filters.ts';

type Services = { administration: UserAdministration; shown: ShownUsers };

const usernameErrors = [usernameTaken, usernameInvalid, usernameMissing, usernamesOff];
const params = { user_id: idSchema('usr') };
const claims = Object.fromEntries(
  Object.entries(profileSchema.shape).map(([claim, schema]) => [claim, schema.describe(`Claim ${claim}`)]),
) as unknown as typeof profileSchema.shape;

const newUserSchema = z.strictObject({
  email: givenEmail.optional().describe('Email address for sign-in; a user with a username needs none'),
  username: z.string().optional().describe('Username for sign-in, where the setting users.username allows it'),
  email_verified: z.boolean().optional().describe('The email address is verified'),
  phone_number: z.string().optional().describe('Phone number, such as +12025550123'),
  phone_number_verified: z.boolean().optional().describe('The phone number is verified'),
  password: z.string().optional().describe('Password'),
  administrator: z.boolean().optional().describe('The user may administer this instance'),
  legacy_id: z.string().trim().min(1).max(255).optional().describe('Id of the user in the system before this one'),
  ...claims,
  address: claims.address.describe('Postal address (OpenID Connect Core §5.1.1), as JSON'),
});

const createUser = operation({
  name: 'users.create',
  permission: 'users.manage',
  input: newUserSchema,
  output: shownSchema,
  errors: [
    roleNotHeld,
    emailInvalid,
    emailTaken,
    legacyIdTaken,
    ...usernameErrors,
    identifierMissing,
    profileInvalid,
    hashingBusy,
    ...Object.values(passwordErrors),
  ],
  event: userCreated,
  description: 'Create a user.',
  example: { email: 'ada@example.com', email_verified: true, given_name: 'Ada' },
  command: { options: { email: { flags: '--email <address>' } } },
  run: async (given, by: By, { administration }: Services) => {
    const { id } = await administration.create(newUserOf(given), by);
    return showUser(id, administration);
  },
});

function newUserOf({ password, ...given }: z.output<typeof newUserSchema>): NewUser {
  const { email, username, administrator, legacy_id: legacyId, ...rest } = given;
  const { email_verified: emailVerified, phone_number: phoneNumber, ...others } = rest;
  const { phone_number_verified: phoneNumberVerified, ...profile } = others;
  const named = { email, username, legacyId, administrator, password };
  return { ...named, emailVerified, phoneNumber, phoneNumberVerified, profile };
}

const newRowSchema = newUserSchema.omit({ password: true });

const bulkCreateUsers = operation({
  name: 'users.bulk_create',
  permission: 'users.manage',
  input: z.strictObject({
    rows: bulkRows(z.record(z.string(), z.unknown(), 'must be an object')).describe(
      'Users, with the members of users.create except password; at most 500, each by itself',
    ),
  }),
  output: bulkResults('created', { id: z.string() }),
  event: userCreated,
  description:
    'Create users, each by itself: a row that is refused stops no other. They have no password: mail them a link that sets one, or have them sign in otherwise.',
  example: { rows: [{ email: 'ada@example.com', email_verified: true, given_name: 'Ada' }] },
  command: { arguments: { rows: { flags: '<file>', isFile: true } } },
  run: async ({ rows }, by: By, { administration }: Services) =>
    eachRow(rows, 'created', async (row) => {
      const given = readInput(newRowSchema, row) as z.output<typeof newRowSchema>;
      const { id } = await administration.create(newUserOf(given), by);
      return { id };
    }),
});

const listUsers = listOperation({
  name: 'users.list',
  permission: 'users.read',
  filters: userFilters,
  sorts: userSorts,
  items: 'users',
  item: listedSchema,
  description:
    'List users, oldest first, each with the state of the second factor. A search finds beginnings of texts, which an index carries however many users there are.',
  example: { search: 'ada', status: 'active', limit: 20 },
  command: { options: userFilterOptions },
  run: async (filters, page, _by: By, { administration }: Services) => {
    const { items, ...others } = await administration.page(filters, page);
    return { ...others, items: items.map(listedOnWire) };
  },
  write: async (filters, page, _by: By, { shown }: Services) => shown.page(filters, page),
});

const readUser = operation({
  name: 'users.read',
  permission: 'users.read',
  params,
  output: shownSchema,
  errors: [userNotFound],
  description: 'Show a user, and every confirmed credential with its state.',
  run: async ({ user_id: id }, _by: By, { administration }: Services) => showUser(id, administration),
  write: async ({ user_id: id }, _by: By, { shown }: Services) => shown.find(id),
});

const requirePassword = operation({
  name: 'users.require_password',
  permission: 'users.manage',
  params,
  output: z.strictObject({ id: z.string(), password_update_required: z.literal(true) }),
  errors: [userNotFound, rightsMissing, noPassword],
  event: userPasswordDemanded,
  description: 'Require a user to set a new password at the next sign-in.',
  run: async ({ user_id: id }, by: By, { administration }: Services) => {
    await administration.requirePassword(id, by);
    return { id, password_update_required: true as const };
  },
});

const showUser = async (id: UserId, administration: UserAdministration) =>
  wholeOnWire(await administration.require(id));

export const credentialOperations = [createUser, bulkCreateUsers, listUsers, readUser, requirePassword];
