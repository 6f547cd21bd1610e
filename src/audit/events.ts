import { z } from 'zod';
import { eventType } from './event-type.ts';

/** Written by the migration from the release that chained events by hashes. */
export const auditChainMigrated = eventType({
  name: 'audit.chain_migrated',
  text: 'The events of a chain of the release before were verified and carried over.',
  details: z.strictObject({
    events: z.number(),
    /** The last one of the old chain, in hex. */
    hash: z.string(),
    /** The first number that was wrong; null for an intact chain. */
    brokenAt: z.string().nullable(),
  }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: false,
});

export const auditMonthsDropped = eventType({
  name: 'audit.months_dropped',
  text: 'Old months of the audit log were removed.',
  details: z.strictObject({
    /** The first month that stays. */
    before: z.string(),
    /** The last seal that went, in hex, by chain. */
    chains: z.record(z.string(), z.strictObject({ sequence: z.string(), seal: z.string() })),
    /** Ids of events that stay although their month goes, and whose details are empty because their user was erased. */
    emptied: z.array(z.string()),
    key: z.string(),
    /** HMAC-SHA-256 over the other members, which only this installation can make. */
    proof: z.string(),
  }),
  audience: ['operator'],
  gravity: 'alert',
  webhook: true,
});
