import { defineEntity, p } from '@mikro-orm/core';

/** Mapped for the drift test alone; attempts.ts writes it by conditional statements. */
const AttemptCounterRowSchema = defineEntity({
  name: 'AttemptCounterRow',
  tableName: 'attempt_counter',
  properties: {
    key: p.blob().columnType('bytea').primary().$type<Buffer>(),
    failures: p.integer(),
    blockedUntil: p.datetime(3).columnType('timestamptz(3)').nullable(),
    changedAt: p.datetime(3).columnType('timestamptz(3)').index('attempt_counter_changed_at_index'),
  },
});
export class AttemptCounterRow extends AttemptCounterRowSchema.class {}
AttemptCounterRowSchema.setClass(AttemptCounterRow);
