import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { HOUR, SECOND } from '#kernel/clock.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import { registrationTokenInvalid, registrationTokenNotFound } from '../errors.ts';
import { LONGEST_INITIAL_TOKEN } from '../limits.ts';
import type { InitialToken, InitialTokens } from './initial-tokens.ts';
import { registrationTokenCreated, registrationTokenDeleted } from '../events.ts';

type Services = { initialTokens: Pick<InitialTokens, 'issue' | 'page' | 'require' | 'delete'> };

const params = { token_id: z.string().max(64) };
const tokenSchema = z.strictObject({ id: z.string(), created_at: timeSchema, expires_at: timeSchema });

const createRegistrationToken = operation({
  name: 'registration_tokens.create',
  permission: 'clients.manage',
  input: z.strictObject({
    expires_in_seconds: z
      .int()
      .min(60)
      .max(LONGEST_INITIAL_TOKEN)
      .default(HOUR / SECOND)
      .describe('Lifetime in seconds'),
  }),
  output: z.strictObject({ id: z.string(), initial_access_token: z.string(), expires_at: timeSchema }),
  errors: [registrationTokenInvalid],
  event: registrationTokenCreated,
  description: 'Create an initial access token for dynamic client registration (RFC 7591). It is shown once.',
  example: { expires_in_seconds: 3600 },
  run: async ({ expires_in_seconds: seconds }, by: By, { initialTokens }: Services) => {
    const { id, token, expiresAt } = await initialTokens.issue(seconds, by);
    return { id, initial_access_token: token, expires_at: expiresAt.toISOString() };
  },
});

const listRegistrationTokens = listOperation({
  name: 'registration_tokens.list',
  permission: 'clients.read',
  sorts: ['expires_at'],
  items: 'registration_tokens',
  item: tokenSchema,
  description: 'List the initial access tokens that are valid, by their ids.',
  example: { limit: 20 },
  run: async (_given, page, _by: By, { initialTokens }: Services) => {
    const { items, ...others } = await initialTokens.page(page);
    return { ...others, items: items.map(onWire) };
  },
});

const readRegistrationToken = operation({
  name: 'registration_tokens.read',
  permission: 'clients.read',
  params,
  output: tokenSchema,
  errors: [registrationTokenNotFound],
  description:
    'Show when an initial access token was made and when it ends. The token itself is shown only when it is made.',
  run: async ({ token_id: id }, _by: By, { initialTokens }: Services) => onWire(await initialTokens.require(id)),
});

const deleteRegistrationToken = operation({
  name: 'registration_tokens.delete',
  permission: 'clients.manage',
  params,
  output: z.strictObject({ id: z.string(), deleted: z.literal(true) }),
  errors: [registrationTokenNotFound],
  event: registrationTokenDeleted,
  description: 'Delete an initial access token. Clients that registered with it stay.',
  run: async ({ token_id: id }, by: By, { initialTokens }: Services) => {
    await initialTokens.delete(id, by);
    return { id, deleted: true as const };
  },
});

const onWire = ({ id, createdAt, expiresAt }: InitialToken): z.input<typeof tokenSchema> => ({
  id,
  created_at: createdAt.toISOString(),
  expires_at: expiresAt.toISOString(),
});

export const registrationTokenOperations = [
  createRegistrationToken,
  listRegistrationTokens,
  readRegistrationToken,
  deleteRegistrationToken,
];
