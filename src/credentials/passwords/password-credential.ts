import { defineEntity, p } from '@mikro-orm/core';
import { User } from '#directory/users/module.ts';

const PasswordCredentialSchema = defineEntity({
  name: 'PasswordCredential',
  tableName: 'password_credential',
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    /** argon2id in PHC form, or what another system made of the password. */
    hash: p.text(),
    /** The family of a foreign hash (foreign-hashes/registry.ts); null for ours. */
    scheme: p.text().nullable(),
    changedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** The password hash of a user (table `password_credential`). */
export class PasswordCredential extends PasswordCredentialSchema.class {}
PasswordCredentialSchema.setClass(PasswordCredential);
