import { defineEntity, p } from '@mikro-orm/core';
import { User } from '#users/module.ts';

const RecoveryCodeSetSchema = defineEntity({
  name: 'RecoveryCodeSet',
  tableName: 'recovery_codes',
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    salt: p.blob().columnType('bytea').$type<Buffer>(),
    /** Of the codes that were not used yet. */
    hashes: p.array().columnType('text[]'),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    /** The codes under the key ring, until their owner says that they are saved, or for 15 minutes. */
    shownSealed: p.text().nullable(),
    /** The sign-in or session in which they were made: no other sees them. */
    shownTo: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    shownUntil: p.datetime(3).columnType('timestamptz(3)').nullable().index('recovery_codes_shown_until_index'),
  },
});
/** Mapped for the drift test alone; recovery-codes.ts writes it by conditional statements. */
export class RecoveryCodeSet extends RecoveryCodeSetSchema.class {}
RecoveryCodeSetSchema.setClass(RecoveryCodeSet);
