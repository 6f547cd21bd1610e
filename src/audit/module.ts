/**
 * audit: the append-only record of what happened.
 *
 * Owns    the tables audit_event and audit_chain; it is their only writer.
 * Leaves  who may read what to api and console, deliveries to webhooks, counts to insights.
 * URLs    none.
 */
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { AuditLog } from './audit-log.ts';
import { AuditReader } from './audit-reader.ts';

export type Dependencies = { clock: Clock; database: Database };

export function createAudit({ clock, database }: Dependencies) {
  return { log: new AuditLog(clock, database), reader: new AuditReader(database) };
}

export type { AuditLog } from './audit-log.ts';
export type { AuditReader, PastEvent } from './audit-reader.ts';
export type { AuditEvent, EventTypeRow, Gravity } from './event-type.ts';
export { eventType, gravities } from './event-type.ts';
export { caep, risc } from './shared-signals.ts';
export type { By, Visitor } from './by.ts';
export { byClient, byUser, byVisitor, operator, system } from './by.ts';
