import { defineEntity, p } from '@mikro-orm/core';
import { User } from '#directory/users/module.ts';

/** The identity of a user at another provider. The three members together identify one user; an email address never does. */
const UserIdentitySchema = defineEntity({
  name: 'UserIdentity',
  tableName: 'user_identity',
  properties: {
    /** The name of the connection: its slug, or the operator's name for the provider in a file of users. */
    connection: p.text().primary(),
    /** Empty where the provider has none, or the file of users did not say it. */
    issuer: p.text().primary(),
    subject: p.text().primary(),
    userId: () =>
      p.manyToOne(User).mapToPk().fieldName('user_id').deleteRule('cascade').index('user_identity_user_id_index'),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    /** The email address or the name of the user at the provider. */
    name: p.text().nullable(),
    lastUsedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
    /** Tokens of the provider, under the key ring; null where the connection keeps none. */
    sealedTokens: p.text().nullable(),
    /** One node refreshes them at the moment. */
    tokensRefreshUntil: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** The identity of a user at another provider (table `user_identity`). */
export class UserIdentity extends UserIdentitySchema.class {}
UserIdentitySchema.setClass(UserIdentity);
