/** Users together with their credentials. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
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
import type { UserActivity, UserService } from '#directory/users/module.ts';
import { profileSchema } from '#directory/users/profile.ts';
import { userOnWire, userSchema } from '#directory/users/user-wire.ts';
import { hashingBusy, noPassword, passwordErrors } from './errors.ts';
import { credentialOnWire, credentialSchema } from './credential-wire.ts';
import type { UserAdministration } from './user-administration.ts';
import { userCreated, userPasswordDemanded } from '#directory/users/events.ts';

type Services = {
  users: Pick<UserService, 'findById'>;
  activity: Pick<UserActivity, 'of'>;
  administration: UserAdministration;
};

const usernameErrors = [usernameTaken, usernameInvalid, usernameMissing, usernamesOff];
const params = { user_id: idSchema('usr') };
const claims = Object.fromEntries(
  Object.entries(profileSchema.shape).map(([claim, schema]) => [claim, schema.describe(`Claim ${claim}`)]),
) as unknown as typeof profileSchema.shape;

const createUser = operation({
  name: 'users.create',
  permission: 'users.manage',
  input: z.strictObject({
    email: z.string().optional().describe('Email address for sign-in; a user with a username needs none'),
    username: z.string().optional().describe('Username for sign-in, where the setting users.username allows it'),
    email_verified: z.boolean().optional().describe('The email address is verified'),
    phone_number: z.string().optional().describe('Phone number, such as +12025550123'),
    phone_number_verified: z.boolean().optional().describe('The phone number is verified'),
    password: z.string().optional().describe('Password'),
    administrator: z.boolean().optional().describe('The user may administer this instance'),
    legacy_id: z.string().trim().min(1).max(255).optional().describe('Id of the user in the system before this one'),
    ...claims,
    address: claims.address.describe('Postal address (OpenID Connect Core §5.1.1), as JSON'),
  }),
  output: userSchema,
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
    const { email, username, password, administrator, legacy_id: legacyId, ...rest } = given;
    const { email_verified: emailVerified, phone_number: phoneNumber, ...others } = rest;
    const { phone_number_verified: phoneNumberVerified, ...profile } = others;
    const input = {
      email,
      username,
      legacyId,
      emailVerified,
      phoneNumber,
      phoneNumberVerified,
      password,
      administrator,
      profile,
    };
    return userOnWire(await administration.create(input, by));
  },
});

const listUsers = operation({
  name: 'users.list',
  permission: 'users.read',
  input: z.strictObject({
    limit: z.int().min(1).optional().describe('Maximum number of users, at most 200'),
    after: idSchema('usr').optional().describe('User id after which the list continues'),
  }),
  output: z.strictObject({
    users: z.array(userSchema.extend({ second_factor: z.enum(['none', 'usable', 'unusable']) })),
  }),
  description: 'List users, oldest first, each with the state of the second factor.',
  example: { limit: 20 },
  command: { options: { after: { flags: '--after <id>' } } },
  run: async ({ limit, after }, _by: By, { administration }: Services) => {
    const found = await administration.list({ limit, after });
    const shown = found.map(({ user, secondFactor, lastActiveAt }) => ({
      ...userOnWire(user, lastActiveAt),
      second_factor: secondFactor,
    }));
    return { users: shown };
  },
});

const readUser = operation({
  name: 'users.read',
  permission: 'users.read',
  params,
  output: userSchema.extend({ credentials: z.array(credentialSchema) }),
  errors: [userNotFound],
  description: 'Show a user, and every confirmed credential with its state.',
  run: async ({ user_id: id }, _by: By, { users, activity, administration }: Services) => {
    const user = await users.findById(id);
    if (user === null) throw userNotFound();
    const credentials = (await administration.credentialsOf(id)).map(credentialOnWire);
    return { ...userOnWire(user, await activity.of(id)), credentials };
  },
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

export const credentialOperations = [createUser, listUsers, readUser, requirePassword];
