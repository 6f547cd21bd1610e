import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { lastWayIn } from '#credentials/errors.ts';
import { identityNotFound } from '#directory/identities/errors.ts';
import { userIdentityUnlinked } from '#directory/identities/events.ts';
import { rightsMissing, userNotFound } from '#directory/users/errors.ts';
import type { ManagedUsers } from '#directory/users/module.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import type { IdentityWithId, LinkedAccounts } from './linked-accounts.ts';

type Services = { managed: ManagedUsers; linkedAccounts: Pick<LinkedAccounts, 'all' | 'unlink'> };

const ofUser = { user_id: idSchema('usr') };
const identity = { ...ofUser, identity_id: z.string() };

const identitySchema = z.strictObject({
  id: z.string(),
  connection: z.string().describe('Slug of the connection'),
  issuer: z.string().describe('Empty where the provider has none'),
  subject: z.string().describe('Identifier of the user at the provider'),
  name: z.string().nullable().describe('Email address or name of the user at the provider'),
  linked_at: timeSchema,
  last_used_at: timeSchema.nullable(),
});

const listIdentities = listOperation({
  name: 'users.identities.list',
  permission: 'users.read',
  params: ofUser,
  filters: { connection: z.string().optional().describe('Only those at this connection, by its slug') },
  sorts: ['linked_at'],
  items: 'identities',
  item: identitySchema,
  errors: [userNotFound],
  description: 'List the accounts at identity providers that a user has linked.',
  example: { limit: 20 },
  command: { words: 'user identities' },
  run: async ({ user_id: userId, connection }, page, _by: By, { managed, linkedAccounts }: Services) => {
    await managed.requireKnown(userId);
    const all = (await linkedAccounts.all(userId)).map(identityOnWire);
    const wanted = connection === undefined ? all : all.filter((each) => each.connection === connection);
    return pageOfAll(wanted, page, ({ id, linked_at: at }) => `${at} ${id}`);
  },
});

const readIdentity = operation({
  name: 'users.identities.read',
  permission: 'users.read',
  params: identity,
  output: identitySchema,
  errors: [userNotFound, identityNotFound],
  description: 'Show an account at an identity provider that a user has linked.',
  command: { words: 'user identity' },
  run: async ({ user_id: userId, identity_id: id }, _by: By, { managed, linkedAccounts }: Services) => {
    await managed.requireKnown(userId);
    const found = (await linkedAccounts.all(userId)).find((each) => each.id === id);
    if (found === undefined) throw identityNotFound();
    return identityOnWire(found);
  },
});

const unlinkIdentity = operation({
  name: 'users.identities.delete',
  permission: 'users.manage',
  params: identity,
  output: z.strictObject({ id: z.string(), removed: z.literal(true) }),
  errors: [userNotFound, rightsMissing, identityNotFound, lastWayIn],
  event: userIdentityUnlinked,
  description:
    'Unlink an account at an identity provider from a user, and end all sessions and tokens. The last way to sign in stays.',
  command: { words: 'user unlink-identity' },
  run: async ({ user_id: userId, identity_id: id }, by: By, { managed, linkedAccounts }: Services) => {
    await managed.requireChangeable(userId, by);
    if (!(await linkedAccounts.unlink(userId, id, by, null))) throw identityNotFound();
    return { id, removed: true as const };
  },
});

function identityOnWire(found: IdentityWithId): z.input<typeof identitySchema> {
  const { id, connection, issuer, subject, name, linkedAt, lastUsedAt } = found;
  return {
    id,
    connection,
    issuer,
    subject,
    name,
    linked_at: linkedAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
  };
}

export const identityOperations = [listIdentities, readIdentity, unlinkIdentity];
