import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import { keyNotFound } from './errors.ts';
import type { KeyRotation } from './key-rotation.ts';
import type { KeyService } from './key-service.ts';
import type { SigningKey } from './signing-key.ts';
import { keysRotated } from './events.ts';

type Counted = { checked: number; changed: number };
type Services = {
  service: Pick<KeyService, 'list'>;
  rotation: Pick<KeyRotation, 'rotate'>;
  /** Everything that keeps texts under the key ring, by the name to show. */
  /** Undefined where this instance has none. */
  sealed: Readonly<Record<string, (() => Promise<Counted>) | undefined>>;
};

const keySchema = z.strictObject({
  kid: z.string(),
  kty: z.string(),
  state: z.enum(['next', 'current', 'previous', 'retired']),
  created_at: timeSchema,
  usable_at: timeSchema,
  activated_at: timeSchema.nullable(),
  replaced_at: timeSchema.nullable(),
  published_until: timeSchema.nullable(),
  rotation_requested: z.boolean(),
});

const listKeys = listOperation({
  name: 'keys.list',
  permission: 'keys.read',
  sorts: ['created_at'],
  items: 'keys',
  item: keySchema,
  description: 'List signing keys with their state, oldest first.',
  example: { limit: 20 },
  command: { words: 'keys list' },
  run: async (_given, page, _by: By, { service }: Services) =>
    pageOfAll((await service.list()).map(keyOnWire), page, ({ created_at: at, kid }) => `${at} ${kid}`),
});

const readKey = operation({
  name: 'keys.read',
  permission: 'keys.read',
  params: { kid: z.string().max(255) },
  output: keySchema,
  errors: [keyNotFound],
  description: 'Show one signing key with its state.',
  command: { words: 'keys show' },
  run: async ({ kid }, _by: By, { service }: Services) => {
    const found = (await service.list()).find((key) => key.kid === kid);
    if (!found) throw keyNotFound();
    return keyOnWire(found);
  },
});

const rotateKeys = operation({
  name: 'keys.rotate',
  permission: 'keys.manage',
  input: z.strictObject({
    immediately: z
      .boolean()
      .default(false)
      .describe('At once, without a publication time of the new keys; for emergencies'),
  }),
  output: z.strictObject({
    activated: z.array(z.strictObject({ kid: z.string(), kty: z.string() })),
    scheduled: z.array(z.strictObject({ kty: z.string(), at: timeSchema })),
    retired: z.array(z.string()).describe('Ids of keys that are no longer published or accepted'),
  }),
  event: keysRotated,
  description: 'Replace the signing keys. New ones are published for a day before they sign.',
  example: { immediately: false },
  command: { words: 'keys rotate' },
  run: async ({ immediately }, by: By, { rotation }: Services) => {
    const { activated, scheduled, retired } = await rotation.rotate({ immediately }, by);
    return {
      activated: activated.map(({ kid, family }) => ({ kid, kty: family })),
      scheduled: scheduled.map(({ family, at }) => ({ kty: family, at: at.toISOString() })),
      retired: [...retired],
    };
  },
});

/** After a secret was put first in the key ring and before an old one is taken out. */
const reencrypt = operation({
  name: 'keys.reencrypt',
  permission: 'keys.manage',
  output: z.strictObject({
    reencrypted: z.record(z.string(), z.strictObject({ checked: z.int(), changed: z.int() })),
  }),
  description: 'Encrypt every stored secret again under the first of LATCHKEY_SECRETS.',
  command: { words: 'keys reencrypt' },
  run: async (_given, _by: By, { sealed }: Services) => {
    const reencrypted: Record<string, Counted> = {};
    for (const [name, reencryptThese] of Object.entries(sealed))
      if (reencryptThese) reencrypted[name] = await reencryptThese();
    return { reencrypted };
  },
});

function keyOnWire(key: SigningKey): z.input<typeof keySchema> {
  return {
    kid: key.kid,
    kty: key.family,
    state: key.state,
    created_at: key.createdAt.toISOString(),
    usable_at: key.usableAt.toISOString(),
    activated_at: key.activatedAt?.toISOString() ?? null,
    replaced_at: key.replacedAt?.toISOString() ?? null,
    published_until: key.publishedUntil?.toISOString() ?? null,
    rotation_requested: key.rotationRequested,
  };
}

export const keyOperations = [listKeys, readKey, rotateKeys, reencrypt];
