import type { SigningKey } from './signing-key.ts';
import type { KeyRotation } from './key-rotation.ts';
import type { KeyService } from './key-service.ts';

export type Dependencies = {
  service: Pick<KeyService, 'list'>;
  rotation: Pick<KeyRotation, 'rotate'>;
  /** Everything that keeps texts under the key ring, by the name to show. */
  sealed: Readonly<Record<string, () => Promise<{ checked: number; changed: number }>>>;
};

/** `latchkey keys list` */
export async function listKeys({ service }: Pick<Dependencies, 'service'>) {
  return { keys: (await service.list()).map(shown) };
}

/** `latchkey keys rotate`, with `--immediately` when a key may be known to somebody else. */
export async function rotateKeys(
  { rotation }: Pick<Dependencies, 'rotation'>,
  { immediately }: { immediately?: boolean | undefined },
) {
  const { activated, scheduled, retired } = await rotation.rotate({ immediately }, { actor: { type: 'operator' } });
  return {
    activated,
    scheduled: scheduled.map(({ family, at }) => ({ family, at: at.toISOString() })),
    retired,
  };
}

/** `latchkey keys reencrypt`, after a secret was put first in the key ring and before an old one is taken out. */
export async function reencryptSecrets({ sealed }: Pick<Dependencies, 'sealed'>) {
  const reencrypted: Record<string, { checked: number; changed: number }> = {};
  for (const [name, reencrypt] of Object.entries(sealed)) reencrypted[name] = await reencrypt();
  return { reencrypted };
}

function shown(key: SigningKey) {
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
