/**
 * keys: our keys for SAML, as identity provider and as service provider.
 *
 * Owns    the table saml_key; keys for signing and for encryption with their self-signed certificates, their roll-over and its warnings.
 * Leaves  signing and decrypting to saml/messages, metadata to the slices of the two roles, the schedule to the job queue.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import { KeyRollOver } from './key-roll-over.ts';
import { RETRY_FIRST, RETRY_LAST } from './lifetimes.ts';
import { SamlKeyService } from './saml-key-service.ts';

export type Dependencies = {
  database: Pick<Database, 'em' | 'sql' | 'transaction'>;
  keyRing: KeyRing;
  clock: Clock;
  audit: Pick<AuditLog, 'record'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe'>;
  issuerUrl: URL;
};

const TOPIC = 'saml_keys';

/** Creates the keys for SAML. They are made when they are first needed. */
export function createSamlKeys({ invalidation, issuerUrl, ...deps }: Dependencies) {
  const changed = async (): Promise<void> => {
    service.forget();
    await invalidation.publish(TOPIC, 'all');
  };
  const rollOver = new KeyRollOver({ ...deps, host: issuerUrl.host, changed });
  const service = new SamlKeyService({ ...deps, rollOver });
  const forget = () => service.forget();
  invalidation.subscribe(TOPIC, { changed: forget, resync: forget });
  return { service, rollOver };
}

/** The job that replaces keys at the end of their use, and warns before. */
export function samlKeyMaintenance(rollOver: Pick<KeyRollOver, 'maintain'>): JobDefinition {
  return {
    schedule: '7 * * * *',
    retries: 3,
    backoff: { first: RETRY_FIRST, max: RETRY_LAST },
    expire: RETRY_LAST,
    handler: () => rollOver.maintain(),
  };
}

export { SamlKey } from './saml-key.ts';
export type { SamlKeyService } from './saml-key-service.ts';
