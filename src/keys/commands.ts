import { z } from 'zod';
import { operator } from '#audit/module.ts';
import type { KeyRotation } from './key-rotation.ts';
import type { KeyService } from './key-service.ts';
import type { SigningKey } from './signing-key.ts';

type Dependencies = {
  service: Pick<KeyService, 'list'>;
  rotation: Pick<KeyRotation, 'rotate'>;
  /** Everything that keeps texts under the key ring, by the name to show. */
  sealed: Readonly<Record<string, () => Promise<{ checked: number; changed: number }>>>;
};

const rotateInput = z.object({ immediately: z.boolean().default(false) });

/** `latchkey keys …` */
export function keyCommands({ service, rotation, sealed }: Dependencies) {
  return {
    async 'keys.list'() {
      return { keys: (await service.list()).map(keyOnWire) };
    },
    /** With `immediately` when a key may be known to somebody else. */
    async 'keys.rotate'(input: unknown = {}) {
      const { activated, scheduled, retired } = await rotation.rotate(rotateInput.parse(input ?? {}), {
        ...operator,
      });
      return {
        activated: activated.map(({ kid, family }) => ({ kid, kty: family })),
        scheduled: scheduled.map(({ family, at }) => ({ kty: family, at: at.toISOString() })),
        retired,
      };
    },
    /** After a secret was put first in the key ring and before an old one is taken out. */
    async 'keys.reencrypt'() {
      const reencrypted: Record<string, { checked: number; changed: number }> = {};
      for (const [name, reencrypt] of Object.entries(sealed)) reencrypted[name] = await reencrypt();
      return { reencrypted };
    },
  };
}

function keyOnWire(key: SigningKey) {
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
