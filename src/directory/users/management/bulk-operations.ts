/** Changes of many users at once. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { bulkResults, bulkRows, eachRow } from '#kernel/operations/bulk.ts';
import { operation } from '#kernel/operations/operation.ts';
import { readInput } from '#kernel/operations/input.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { userDisabled, userEnabled, userProfileChanged } from '../events.ts';
import type { UserDetails } from '../user-details.ts';
import type { UserService } from '../user-service.ts';
import { changeUser, userPatchShape } from './account-operations.ts';

type Services = { users: Pick<UserService, 'changeStatus'>; details: Pick<UserDetails, 'change'> };

const user = idSchema('usr');
const rowSchema = z.strictObject({ id: user, ...userPatchShape });

const bulkUpdateUsers = operation({
  name: 'users.bulk_update',
  permission: 'users.manage',
  input: z.strictObject({
    rows: bulkRows(z.record(z.string(), z.unknown(), 'must be an object')).describe(
      'Each the id of a user with the members of users.update; at most 500, each by itself',
    ),
  }),
  output: bulkResults('updated', { id: z.string() }),
  event: userProfileChanged,
  description: 'Change users by merge patches, each by itself: a row that is refused stops no other.',
  example: { rows: [{ id: 'usr_01h455vb4pex5vsknk084sn02q', nickname: null, properties: { department: 'Sales' } }] },
  command: { arguments: { rows: { flags: '<file>', isFile: true } } },
  run: async ({ rows }, by: By, services: Services) =>
    eachRow(rows, 'updated', async (row) => {
      const { id, ...patch } = readInput(rowSchema, row) as z.output<typeof rowSchema>;
      await changeUser(id, patch, by, services);
      return { id };
    }),
});

const bulkDisableUsers = operation({
  name: 'users.bulk_disable',
  permission: 'users.manage',
  input: z.strictObject({
    user_ids: bulkRows(user).describe('Users to disable; at most 500, each by itself'),
    force: z.boolean().default(false).describe('Also where it leaves organizations without an active owner'),
  }),
  output: bulkResults('disabled', { id: z.string() }),
  event: userDisabled,
  description: 'Disable users and end all their sessions and tokens: a user who may not be disabled stops no other.',
  example: { user_ids: ['usr_01h455vb4pex5vsknk084sn02q'] },
  run: async ({ user_ids: ids, force: isForced }, by: By, { users }: Services) =>
    eachRow(ids, 'disabled', async (id) => {
      await users.changeStatus(id, 'disabled', by, { isForced });
      return { id };
    }),
});

const bulkEnableUsers = operation({
  name: 'users.bulk_enable',
  permission: 'users.manage',
  input: z.strictObject({ user_ids: bulkRows(user).describe('Users to enable; at most 500, each by itself') }),
  output: bulkResults('enabled', { id: z.string() }),
  event: userEnabled,
  description: 'Enable disabled users, who can sign in again: a user who may not be enabled stops no other.',
  example: { user_ids: ['usr_01h455vb4pex5vsknk084sn02q'] },
  run: async ({ user_ids: ids }, by: By, { users }: Services) =>
    eachRow(ids, 'enabled', async (id) => {
      await users.changeStatus(id, 'active', by);
      return { id };
    }),
});

export const bulkUserOperations = [bulkUpdateUsers, bulkDisableUsers, bulkEnableUsers];
