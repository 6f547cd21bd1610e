import { defineEntity, p } from '@mikro-orm/core';

/**
 * A name that an operator chose for a client that is gone. Tokens, sessions and consents may still name it, so no later
 * client may have it; names that were made by Latchkey never come again by themselves.
 */
const RetiredClientIdSchema = defineEntity({
  name: 'RetiredClientId',
  tableName: 'retired_client_id',
  properties: {
    clientId: p.text().primary(),
    retiredAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
export class RetiredClientId extends RetiredClientIdSchema.class {}
RetiredClientIdSchema.setClass(RetiredClientId);
