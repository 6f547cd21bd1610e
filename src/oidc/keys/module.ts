/**
 * keys: the signing keys of this instance.
 *
 * Owns    the table signing_key; RSA, P-256 and Ed25519 keys, their states, rotation, sealing, and the JWKS that is published.
 * Leaves  signing and serving /oidc/jwks to oidc, the schedule of maintenance to the job queue.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { Database } from '#kernel/database.ts';
import type { Log } from '#kernel/log.ts';
import type { Policies } from '#settings/module.ts';
import { KeyRotation } from './key-rotation.ts';
import { KeyService } from './key-service.ts';

export type Dependencies = {
  database: Pick<Database, 'em' | 'sql' | 'transaction'>;
  keyRing: KeyRing;
  clock: Clock;
  log: Pick<Log, 'warn' | 'info'>;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'oidc' | 'session'>;
  /** A node without the message notices the change within seconds. */
  invalidation?: Pick<Invalidation, 'publish' | 'subscribe'> | undefined;
};

/** Creates the key service, its rotation and its commands. Other nodes follow a change through `invalidation`. */
export function createKeys({ invalidation, ...deps }: Dependencies) {
  const service = new KeyService(deps);
  const changed = async (): Promise<void> => {
    await service.refresh();
    await invalidation?.publish('keys', 'all');
  };
  const follow = () => void service.follow();
  invalidation?.subscribe('keys', { changed: follow, resync: follow });
  const rotation = new KeyRotation({ ...deps, changed });
  return {
    service,
    rotation,
    /** Makes the first keys where there are none, once on all nodes together, and loads them. */
    async start(): Promise<void> {
      await rotation.maintain();
      await service.refresh();
    },
  };
}

export { type KeyPolicy, keySetCaching } from './key-policy.ts';
export { keyFindings } from './key-diagnosis.ts';
export { maintenance } from './key-rotation.ts';
export type { PrivateJwk } from './key-material.ts';
export { SigningKey } from './signing-key.ts';
