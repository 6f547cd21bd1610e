/** Secrets of clients. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { DAY, SECOND } from '#kernel/clock.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import type { ClientSecrets } from './client-secrets.ts';
import type { ClientService } from './client-service.ts';
import { newSecretOnWire, secretOnWire, secretSchema } from './client-wire.ts';
import { clientNotFound, lastSecret, rightsMissing, secretNotFound, secretNotUsed, tooManySecrets } from './errors.ts';
import { clientSecretAdded, clientSecretRemoved, clientSecretRotated } from './events.ts';
import { LONGEST_CLIENT_ID, LONGEST_OVERLAP_SECONDS } from './limits.ts';

type Services = { clients: Pick<ClientService, 'require'>; secrets: ClientSecrets };

const params = { client_id: z.string().max(LONGEST_CLIENT_ID) };
const secretParams = { ...params, client_secret_id: idSchema('csec').describe('Id of the secret, from client show') };

const newSecretSchema = z.strictObject({
  client_id: z.string(),
  client_secret_id: z.string(),
  client_secret: z.string(),
  client_secret_expires_at: z.int(),
});

const rotateSecret = operation({
  name: 'clients.secrets.rotate',
  permission: 'clients.manage',
  params,
  input: z.strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(LONGEST_OVERLAP_SECONDS)
      .default(DAY / SECOND)
      .describe('Seconds for which the newest old secret stays valid'),
  }),
  output: newSecretSchema,
  errors: [clientNotFound, rightsMissing, secretNotUsed],
  event: clientSecretRotated,
  description: 'Create a new client secret. The old one stays valid for a day, or as long as you say.',
  example: { overlap_seconds: 3600 },
  command: { words: 'client rotate-secret', options: { overlap_seconds: { flags: '--overlap-seconds <n>' } } },
  run: async ({ client_id: clientId, overlap_seconds: overlapSeconds }, by: By, { secrets }: Services) => {
    const { id, secret } = await secrets.rotate(clientId, { overlapSeconds }, by);
    return { client_id: clientId, client_secret_id: id, ...newSecretOnWire(secret, null) };
  },
});

const createSecret = operation({
  name: 'clients.secrets.create',
  permission: 'clients.manage',
  params,
  input: z.strictObject({
    expires_in_seconds: z.int().min(1).optional().describe('Lifetime in seconds; unlimited by default'),
  }),
  output: newSecretSchema,
  errors: [clientNotFound, rightsMissing, secretNotUsed, tooManySecrets],
  event: clientSecretAdded,
  description: 'Create a second client secret. It is shown once.',
  example: { expires_in_seconds: 86_400 },
  command: { words: 'client add-secret' },
  run: async ({ client_id: clientId, expires_in_seconds: expiresInSeconds }, by: By, { secrets }: Services) => {
    const { id, secret, expiresAt } = await secrets.add(clientId, { expiresInSeconds }, by);
    return { client_id: clientId, client_secret_id: id, ...newSecretOnWire(secret, expiresAt) };
  },
});

const deleteSecret = operation({
  name: 'clients.secrets.delete',
  permission: 'clients.manage',
  params: secretParams,
  output: z.strictObject({ client_id: z.string(), client_secret_id: z.string(), deleted: z.literal(true) }),
  errors: [clientNotFound, rightsMissing, secretNotFound, secretNotUsed, lastSecret],
  event: clientSecretRemoved,
  description: 'Delete one of two client secrets. It is no longer accepted.',
  command: { words: 'client remove-secret', arguments: { client_id: { flags: '<client_id>' } } },
  run: async ({ client_id: clientId, client_secret_id: id }, by: By, { secrets }: Services) => {
    await secrets.remove(clientId, id, by);
    return { client_id: clientId, client_secret_id: id, deleted: true as const };
  },
});

const listSecrets = listOperation({
  name: 'clients.secrets.list',
  permission: 'clients.read',
  params,
  sorts: ['created_at'],
  items: 'client_secrets',
  item: secretSchema,
  errors: [clientNotFound],
  description: 'List the secrets of a client that are valid, by their ids, oldest first.',
  example: { limit: 20 },
  command: { words: 'client list-secrets' },
  run: async ({ client_id: clientId }, page, _by: By, { clients, secrets }: Services) => {
    const valid = await secrets.list(await clients.require(clientId));
    return pageOfAll(valid.map(secretOnWire), page, ({ id }) => id);
  },
});

const readSecret = operation({
  name: 'clients.secrets.read',
  permission: 'clients.read',
  params: secretParams,
  output: secretSchema,
  errors: [clientNotFound, secretNotFound],
  description: 'Show when a client secret was made and when it ends. The secret itself is shown only when it is made.',
  command: { words: 'client show-secret', arguments: { client_id: { flags: '<client_id>' } } },
  run: async ({ client_id: clientId, client_secret_id: id }, _by: By, { clients, secrets }: Services) => {
    const valid = await secrets.list(await clients.require(clientId));
    const found = valid.find((secret) => secret.id === id);
    if (!found) throw secretNotFound();
    return secretOnWire(found);
  },
});

export const clientSecretOperations = [listSecrets, readSecret, rotateSecret, createSecret, deleteSecret];
