/**
 * audit: the append-only log of events.
 *
 * Owns    the tables audit_event, audit_detail, audit_unsealed, audit_seal, audit_seal_key and audit_chain; it is their only writer.
 * Leaves  the right to read to api and console, deliveries to webhooks, counts to insights.
 * URLs    none.
 */
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Log } from '#kernel/log.ts';
import { AuditLog } from './audit-log.ts';
import { AuditReader } from './audit-reader.ts';
import { Checkpoints, type CheckpointKeys } from './checkpoint.ts';
import { EventSearch } from './event-search.ts';
import { AuditPartitions } from './partitions.ts';
import { AuditRetention } from './retention.ts';
import { Sealer } from './sealer.ts';
import { SealingKeys } from './sealing-keys.ts';
import { AuditVerifier } from './verifier.ts';

export type Dependencies = {
  clock: Clock;
  database: Database;
  keyRing: Pick<KeyRing, 'deriveKeys' | 'seal' | 'open' | 'isCurrent'>;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
};
type ProofDependencies = Omit<Dependencies, 'keyRing'> & {
  audit: AuditLog;
  sealingKeys: SealingKeys;
  keys: CheckpointKeys;
  issuer: string;
  file: string | undefined;
};

/** Creates the audit log and its reader. */
export function createAudit({ clock, database, keyRing, log }: Dependencies) {
  const sealingKeys = new SealingKeys({ clock, database, keyRing });
  const sealer = new Sealer({ clock, database, keys: sealingKeys, log });
  return {
    log: new AuditLog({ clock, database, wake: () => sealer.wake() }),
    reader: new AuditReader(database),
    search: new EventSearch(database),
    sealer,
    sealingKeys,
    partitions: new AuditPartitions({ clock, database, log }),
  };
}

/** Proofs of the audit log: verification, checkpoints, and intentional removal of months. */
export function createAuditProofs({ clock, database, log, audit, sealingKeys, keys, issuer, file }: ProofDependencies) {
  const checkpoints = new Checkpoints({ clock, database, keys, issuer, file, log });
  return {
    checkpoints,
    verifier: new AuditVerifier({ clock, database, keys: sealingKeys, checkpoints }),
    retention: new AuditRetention({ clock, database, keys: sealingKeys, audit }),
  };
}

export { checkpointJob } from './checkpoint.ts';
export { partitionJob } from './partitions.ts';
export type { AuditLog } from './audit-log.ts';
export type { AuditReader, PastEvent } from './audit-reader.ts';
export type { AuditEvent, EventTypeRow, Gravity, ShownEventType } from './event-type.ts';
export { eventType, gravities } from './event-type.ts';
export { createCatalogue, type EventCatalogue } from './event-catalogue.ts';
export type { EventSearch } from './event-search.ts';
export { caep } from './event-type.ts';
export type { By, Visitor } from './by.ts';
export { byClient, byUser, byVisitor, callerOf, operator, system } from './by.ts';
