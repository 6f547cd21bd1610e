import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { rightsMissing, userNotFound } from '#directory/users/errors.ts';
import type { ManagedUsers } from '#directory/users/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import type { ConsentService } from './consent-service.ts';
import type { Consent } from './consent.ts';
import { consentNotFound } from './errors.ts';
import { consentRevoked } from './events.ts';

type Services = {
  managed: ManagedUsers;
  consents: Pick<ConsentService, 'page' | 'require' | 'revoke'>;
};

const ofUser = { user_id: idSchema('usr').describe('User id') };
const consent = { ...ofUser, client_id: z.string().describe('Client identifier') };
const options = { user_id: { flags: '--user <id>' } };

const consentSchema = z.strictObject({
  client_id: z.string(),
  scope: z.string(),
  claims: z.array(z.string()),
  resource_scopes: z.record(z.string(), z.array(z.string())).describe('Scopes of each API'),
  organizations: z.array(z.string()).describe('Organizations about which the client is told'),
  created_at: timeSchema,
  updated_at: timeSchema,
});

const listConsents = listOperation({
  name: 'users.consents.list',
  permission: 'consents.read',
  params: ofUser,
  sorts: ['client_id'],
  items: 'consents',
  item: consentSchema,
  errors: [userNotFound],
  description: 'List the consents of a user.',
  example: { limit: 20 },
  command: { words: 'consent list', arguments: {}, options },
  run: async ({ user_id: userId }, page, _by: By, { managed, consents }: Services) => {
    await managed.requireKnown(userId);
    const found = await consents.page(userId, page);
    return { ...found, items: found.items.map(consentOnWire) };
  },
});

const readConsent = operation({
  name: 'users.consents.read',
  permission: 'consents.read',
  params: consent,
  output: consentSchema,
  errors: [userNotFound, consentNotFound],
  description: 'Show the consent of a user for a client.',
  command: { words: 'consent show', arguments: {}, options },
  run: async ({ user_id: userId, client_id: clientId }, _by: By, { managed, consents }: Services) => {
    await managed.requireKnown(userId);
    return consentOnWire(await consents.require(userId, clientId));
  },
});

const revokeConsent = operation({
  name: 'users.consents.delete',
  permission: 'consents.manage',
  params: consent,
  output: z.strictObject({ client_id: z.string(), revoked: z.literal(true) }),
  errors: [userNotFound, rightsMissing, consentNotFound],
  event: consentRevoked,
  description: 'Revoke the consent of a user for a client, and end its tokens.',
  command: { words: 'consent revoke', arguments: {}, options },
  run: async ({ user_id: userId, client_id: clientId }, by: By, { managed, consents }: Services) => {
    await managed.requireChangeable(userId, by);
    await consents.revoke(userId, clientId, by);
    return { client_id: clientId, revoked: true as const };
  },
});

function consentOnWire(found: Consent): z.input<typeof consentSchema> {
  const { clientId, scopes, claims, resourceScopes, organizations, createdAt, updatedAt } = found;
  return {
    client_id: clientId,
    scope: scopes.join(' '),
    claims: [...claims],
    resource_scopes: Object.fromEntries(Object.entries(resourceScopes).map(([api, names]) => [api, [...names]])),
    organizations: [...organizations],
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

export const consentOperations = [listConsents, readConsent, revokeConsent];
