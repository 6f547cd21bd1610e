import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import { samlKeyNotFound } from './errors.ts';
import { samlKeysRotated } from './events.ts';
import type { KeyRollOver } from './key-roll-over.ts';
import { endOfUse, keyStates, keyUses } from './key-uses.ts';
import type { SamlKey } from './saml-key.ts';
import type { SamlKeyService } from './saml-key-service.ts';

type Services = { service: Pick<SamlKeyService, 'list' | 'published'>; rollOver: Pick<KeyRollOver, 'rotate'> };

const keySchema = z.strictObject({
  id: z.string().describe('The SHA-256 fingerprint of the certificate'),
  use: z.enum(keyUses),
  state: z.enum(keyStates),
  certificate: z.string().describe('In PEM format'),
  created_at: timeSchema,
  activated_at: timeSchema.nullable(),
  replaced_at: timeSchema.nullable(),
  ends_at: timeSchema.nullable().describe('When the next key replaces it; null unless it is the current one'),
});

const listSamlKeys = listOperation({
  name: 'saml.keys.list',
  permission: 'keys.read',
  filters: { use: z.enum(keyUses).optional().describe('Only the keys of this use') },
  sorts: ['created_at'],
  items: 'keys',
  item: keySchema,
  description: 'List the keys and certificates for SAML, oldest first. The first call makes them.',
  example: { use: 'signing' },
  command: { words: 'saml-keys list' },
  run: async ({ use }, page, _by: By, { service }: Services) => {
    await service.published();
    const keys = (await service.list()).filter((key) => use === undefined || key.use === use);
    return pageOfAll(keys.map(keyOnWire), page, ({ created_at: at, id }) => `${at} ${id}`);
  },
});

const readSamlKey = operation({
  name: 'saml.keys.read',
  permission: 'keys.read',
  params: { key_id: z.string().max(255).describe('The SHA-256 fingerprint of the certificate') },
  output: keySchema,
  errors: [samlKeyNotFound],
  description: 'Show one key for SAML with its certificate.',
  command: { words: 'saml-keys show' },
  run: async ({ key_id: id }, _by: By, { service }: Services) => {
    const found = (await service.list()).find((key) => key.id === id);
    if (!found) throw samlKeyNotFound();
    return keyOnWire(found);
  },
});

const rotateSamlKeys = operation({
  name: 'saml.keys.rotate',
  permission: 'keys.manage',
  input: z.strictObject({
    use: z.enum(keyUses).optional().describe('Only the keys of this use'),
    immediately: z
      .boolean()
      .default(false)
      .describe('Replace all keys by new ones that no other system knows yet; for emergencies'),
  }),
  output: z.strictObject({
    activated: z.array(z.string()),
    created: z.array(z.string()),
    retired: z.array(z.string()).describe('Fingerprints of certificates whose private key was removed'),
  }),
  event: samlKeysRotated,
  description:
    'Put the next keys for SAML into use. Systems that read the metadata know them already; give the new certificate to the others.',
  example: { use: 'signing' },
  command: { words: 'saml-keys rotate' },
  run: ({ use, immediately }, by: By, { rollOver }: Services) => rollOver.rotate({ use, immediately }, by),
});

function keyOnWire(key: SamlKey): z.input<typeof keySchema> {
  return {
    id: key.id,
    use: key.use,
    state: key.state,
    certificate: key.certificate,
    created_at: key.createdAt.toISOString(),
    activated_at: key.activatedAt?.toISOString() ?? null,
    replaced_at: key.replacedAt?.toISOString() ?? null,
    ends_at: key.state === 'current' ? endOfUse(key).toISOString() : null,
  };
}

export const samlKeyOperations = [listSamlKeys, readSamlKey, rotateSamlKeys];
