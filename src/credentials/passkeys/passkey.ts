import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import { User } from '#directory/users/module.ts';

export type PasskeyId = Id<'psk'>;

const PasskeySchema = defineEntity({
  name: 'Passkey',
  tableName: 'passkey',
  /** Tells every process that keeps users as they are shown (shown-users.ts). */
  triggers: [
    {
      name: 'passkey_changed',
      timing: 'after',
      events: ['insert', 'update', 'delete'],
      forEach: 'row',
      body: `if tg_op <> 'UPDATE' or (old.name, old.flagged_at) is distinct from (new.name, new.flagged_at) then perform pg_notify('latchkey_invalidation', json_build_array('', 'credentials', coalesce(new.user_id, old.user_id))::text); end if; return null`,
    },
  ],
  properties: {
    id: p.type(new IdColumn('psk')).primary().$type<PasskeyId>(),
    userId: () => p.manyToOne(User).mapToPk().fieldName('user_id').deleteRule('cascade').index('passkey_user_id_index'),
    /** At most 1,023 bytes (WebAuthn 3 §4); unique over all users. */
    credentialId: p.blob().columnType('bytea').unique('passkey_credential_id_unique').$type<Buffer>(),
    /** COSE_Key (RFC 9052 §7). */
    publicKey: p.blob().columnType('bytea').$type<Buffer>(),
    /** COSE number of the algorithm: -8 EdDSA, -7 ES256, -257 RS256. */
    algorithm: p.integer(),
    signCount: p.bigint('number'),
    transports: p.json<readonly string[]>(),
    /** Which model of authenticator it says it is. */
    aaguid: p.text(),
    /** The owner's name for it, or the name of authenticator and browser; null if unknown. */
    name: p.text().nullable(),
    /** May leave the authenticator (WebAuthn 3 §6.1.3); never changes. */
    isBackupEligible: p.boolean(),
    isBackedUp: p.boolean(),
    /** Whether a fingerprint, a face or a PIN was asked for when it was enrolled. */
    userVerified: p.boolean(),
    attestationFormat: p.text(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    lastUsedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
    /** The time since which it is refused, because a clone may exist. */
    flaggedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** A registered passkey with its public key (table `passkey`). */
export class Passkey extends PasskeySchema.class {}
PasskeySchema.setClass(Passkey);
