import { defineEntity, p } from '@mikro-orm/core';
import { User } from './user.ts';

/** Who a person is at another provider. The three together name one person, never an address. */
const UserIdentitySchema = defineEntity({
  name: 'UserIdentity',
  tableName: 'user_identity',
  properties: {
    /** What the operator calls the provider. */
    connection: p.text().primary(),
    /** Empty where the provider has none. */
    issuer: p.text().primary(),
    subject: p.text().primary(),
    userId: () =>
      p.manyToOne(User).mapToPk().fieldName('user_id').deleteRule('cascade').index('user_identity_user_id_index'),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
export class UserIdentity extends UserIdentitySchema.class {}
UserIdentitySchema.setClass(UserIdentity);
