import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';

const instant = () => p.datetime(3).columnType('timestamptz(3)');
const eventId = () => p.type(new IdColumn('evt')).$type<Id<'evt'>>();
const bytes = () => p.blob().columnType('bytea').$type<Buffer>();

/** Types that most events have. The index by type leaves them out: by time they are found as fast. */
export const everydayTypes = ['user.signed_in', 'user.sign_in_failed', 'session.ended'] as const;

/** An event, for ever. The previous release writes the columns from `chain` on; a later release drops them. */
const AuditEventSchema = defineEntity({
  name: 'AuditEventRow',
  tableName: 'audit_event',
  /** Take apart what nodes of the release before write, and forget where they forget. The migration has their text. */
  triggers: [
    { name: 'audit_event_of_release_before', timing: 'before', events: ['insert'], expression: 'by migration' },
    { name: 'audit_event_forgotten', timing: 'before', events: ['update'], expression: 'by migration' },
  ],
  /** The name of a chain is in the key of its seals, which has a limit. */
  checks: [{ name: 'audit_event_chain_check', expression: 'length(organization_id) <= 200 or hash is not null' }],
  properties: {
    id: eventId().primary(),
    at: instant().primary(),
    type: p.text(),
    actorType: p.text(),
    actorId: p.text().nullable(),
    subjectType: p.text().nullable(),
    subjectId: p.text().nullable(),
    organizationId: p.text().nullable(),
    clientId: p.text().nullable(),
    sessionId: p.text().nullable(),
    outcome: p.text(),
    /** SHA-256 of the row in audit_detail, in hex. */
    digest: p.text(),
    chain: p.text().nullable(),
    sequence: p.bigint('string').nullable(),
    ip: p.text().nullable(),
    userAgent: p.text().nullable(),
    requestId: p.text().nullable(),
    details: p.json().nullable().default('{}'),
    salt: p.text().nullable(),
    hash: bytes().nullable(),
  },
  indexes: [
    { name: 'audit_event_at_index', properties: ['at'] },
    { name: 'audit_event_subject_index', properties: ['subjectType', 'subjectId', 'at'] },
    // Each of these leaves out events that another index finds, so that most events are entered in few indexes.
    {
      name: 'audit_event_other_actor_at_index',
      properties: ['actorId', 'at'],
      where: `"actor_type" is distinct from "subject_type" or "actor_id" is distinct from "subject_id"`,
    },
    {
      name: 'audit_event_organization_index',
      properties: ['organizationId', 'at'],
      where: `"organization_id" is not null`,
    },
    {
      name: 'audit_event_rare_type_index',
      properties: ['type', 'at'],
      where: everydayTypes.map((type) => `"type" <> '${type}'`).join(' and '),
    },
    { name: 'audit_event_own_type_index', properties: ['type', 'at'], where: `starts_with("type", 'audit.')` },
  ],
});
/** One event of the audit log (table `audit_event`). */
export class AuditEventRow extends AuditEventSchema.class {}
AuditEventSchema.setClass(AuditEventRow);

/** The erasable part of an event. With the salt the digest shows changes; without the salt it reveals nothing. */
const AuditDetailSchema = defineEntity({
  name: 'AuditDetail',
  tableName: 'audit_detail',
  properties: {
    eventId: eventId().primary(),
    at: instant().primary(),
    ip: p.text().nullable(),
    userAgent: p.text().nullable(),
    requestId: p.text().nullable(),
    details: p.json<Readonly<Record<string, unknown>>>(),
    salt: p.text().nullable(),
  },
});
/** The erasable part of an event: IP address, browser, request id, details, salt (table `audit_detail`). */
export class AuditDetail extends AuditDetailSchema.class {}
AuditDetailSchema.setClass(AuditDetail);

/** Events that have no seal yet, in the order in which they get one. */
const AuditUnsealedSchema = defineEntity({
  name: 'AuditUnsealed',
  tableName: 'audit_unsealed',
  properties: { place: p.uuid().primary(), eventId: eventId(), at: instant() },
});
/** An event that waits for its seal (table `audit_unsealed`). */
export class AuditUnsealed extends AuditUnsealedSchema.class {}
AuditUnsealedSchema.setClass(AuditUnsealed);

const AuditSealSchema = defineEntity({
  name: 'AuditSeal',
  tableName: 'audit_seal',
  properties: {
    /** The organization's id, or `instance`. */
    chain: p.text().primary(),
    /** Without a gap in its chain, in the order of sealing. */
    sequence: p.bigint('string').primary(),
    /** By the clock of the sealer. It may be before the time of the event, because clocks of nodes differ. */
    sealedAt: instant().primary(),
    eventId: eventId(),
    eventAt: instant(),
    keyId: p.text(),
    seal: bytes(),
  },
  indexes: [{ name: 'audit_seal_event_index', properties: ['eventId'] }],
});
/** The seal of an event in its chain (table `audit_seal`). */
export class AuditSeal extends AuditSealSchema.class {}
AuditSealSchema.setClass(AuditSeal);

/** Keys of seals, kept for verification after their secret has left the ring. */
const AuditSealKeySchema = defineEntity({
  name: 'AuditSealKey',
  tableName: 'audit_seal_key',
  properties: {
    id: p.text().primary(),
    /** Under the key ring, with the id as associated data. */
    sealed: p.text(),
    createdAt: instant(),
  },
});
/** A key of seals, encrypted under the key ring (table `audit_seal_key`). */
export class AuditSealKey extends AuditSealKeySchema.class {}
AuditSealKeySchema.setClass(AuditSealKey);

/** The heads of the chains of the release before, whose nodes may still run. Not read here; a later release drops it. */
const AuditChainSchema = defineEntity({
  name: 'AuditChain',
  tableName: 'audit_chain',
  properties: { chain: p.text().primary(), sequence: p.bigint('string'), hash: bytes() },
});
/** The head of one chain of the audit log (table `audit_chain`). */
export class AuditChain extends AuditChainSchema.class {}
AuditChainSchema.setClass(AuditChain);
