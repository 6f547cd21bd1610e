import { defineEntity, p } from '@mikro-orm/core';
import { User } from '#users/module.ts';

const SecondFactorRequestSchema = defineEntity({
  name: 'SecondFactorRequest',
  tableName: 'second_factor_request',
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    /** When this user was first asked to add a second factor: the days of grace count from here. */
    askedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
    /** When an operator took all second factors away; null again when the user proved who they are. */
    resetAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** Mapped for the drift test alone; it is written by conditional statements. */
export class SecondFactorRequest extends SecondFactorRequestSchema.class {}
SecondFactorRequestSchema.setClass(SecondFactorRequest);
