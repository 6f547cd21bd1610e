import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';

const AuditEventSchema = defineEntity({
  name: 'AuditEventRow',
  tableName: 'audit_event',
  properties: {
    id: p.type(new IdColumn('evt')).primary().$type<Id<'evt'>>(),
    /** The organization's id, or `instance`. */
    chain: p.text(),
    sequence: p.bigint('string'),
    at: p.datetime(3).columnType('timestamptz(3)'),
    type: p.text(),
    actorType: p.text(),
    actorId: p.text().nullable(),
    subjectType: p.text().nullable(),
    subjectId: p.text().nullable(),
    clientId: p.text().nullable(),
    sessionId: p.text().nullable(),
    ip: p.text().nullable(),
    userAgent: p.text().nullable(),
    requestId: p.text().nullable(),
    outcome: p.text(),
    details: p.json<Readonly<Record<string, unknown>>>(),
    /** With the salt, what the hash covers of address, browser and details: these can be forgotten (audit-log.ts). */
    salt: p.text().nullable(),
    digest: p.text().nullable(),
    hash: p.blob().columnType('bytea').$type<Buffer>(),
  },
  uniques: [{ name: 'audit_event_chain_sequence_unique', properties: ['chain', 'sequence'] }],
  indexes: [
    { name: 'audit_event_subject_index', properties: ['subjectType', 'subjectId', 'at'] },
    { name: 'audit_event_type_index', properties: ['type', 'at'] },
    { name: 'audit_event_actor_index', properties: ['actorId'] },
  ],
});
export class AuditEventRow extends AuditEventSchema.class {}
AuditEventSchema.setClass(AuditEventRow);

const AuditChainSchema = defineEntity({
  name: 'AuditChain',
  tableName: 'audit_chain',
  properties: {
    chain: p.text().primary(),
    sequence: p.bigint('string'),
    hash: p.blob().columnType('bytea').$type<Buffer>(),
  },
});
export class AuditChain extends AuditChainSchema.class {}
AuditChainSchema.setClass(AuditChain);
