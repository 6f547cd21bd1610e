import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { rightsMissing } from '#directory/users/errors.ts';
import type { RoleHolders } from '#directory/users/module.ts';
import type { ConsentService } from './consent-service.ts';
import type { Consent } from './consent.ts';
import { consentNotFound } from './errors.ts';
import { consentRevoked } from './events.ts';

type Services = {
  consents: Pick<ConsentService, 'list' | 'revoke'>;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
};

const ofUser = { user_id: idSchema('usr').describe('User id') };
const user = { user_id: { flags: '--user <id>' } };

const consentSchema = z.strictObject({
  client_id: z.string(),
  scope: z.string(),
  claims: z.array(z.string()),
  resource_scopes: z.record(z.string(), z.array(z.string())).describe('Scopes of each API'),
  organizations: z.array(z.string()).describe('Organizations about which the client is told'),
  created_at: timeSchema,
  updated_at: timeSchema,
});

const listConsents = operation({
  name: 'consents.list',
  permission: 'consents.read',
  input: z.strictObject(ofUser),
  output: z.strictObject({ consents: z.array(consentSchema) }),
  description: 'List the consents of a user.',
  example: { user_id: 'usr_01h455vb4pex5vsknk084sn02q' },
  command: { options: user },
  run: async ({ user_id: userId }, _by: By, { consents }: Services) => ({
    consents: (await consents.list(userId)).map(consentOnWire),
  }),
});

const revokeConsent = operation({
  name: 'consents.revoke',
  permission: 'consents.manage',
  input: z.strictObject({ ...ofUser, client_id: z.string().describe('Client identifier') }),
  output: z.strictObject({ client_id: z.string(), revoked: z.literal(true) }),
  errors: [rightsMissing, consentNotFound],
  event: consentRevoked,
  description: 'Revoke the consent of a user for a client, and end its tokens.',
  example: { user_id: 'usr_01h455vb4pex5vsknk084sn02q', client_id: 'shop' },
  command: { options: user },
  run: async ({ user_id: userId, client_id: clientId }, by: By, { consents, roleHolders }: Services) => {
    await roleHolders.requireRightsOver(userId, by);
    await consents.revoke(userId, clientId, by);
    return { client_id: clientId, revoked: true as const };
  },
});

function consentOnWire(consent: Consent): z.input<typeof consentSchema> {
  const { clientId, scopes, claims, resourceScopes, organizations, createdAt, updatedAt } = consent;
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

export const consentOperations = [listConsents, revokeConsent];
