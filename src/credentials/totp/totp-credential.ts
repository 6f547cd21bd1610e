import { defineEntity, p } from '@mikro-orm/core';
import { User } from '#directory/users/module.ts';
import type { TotpAlgorithm } from './totp-secret.ts';

/** Mapped for the drift test alone; totp-service.ts and totp-enrolments.ts write by conditional statements. */
const TotpCredentialSchema = defineEntity({
  name: 'TotpCredential',
  tableName: 'totp_credential',
  /** Tells every process that keeps users as they are shown (shown-users.ts). */
  triggers: [
    {
      name: 'totp_credential_changed',
      timing: 'after',
      events: ['insert', 'update', 'delete'],
      forEach: 'row',
      body: `if tg_op <> 'UPDATE' or old.name <> new.name or old.created_at <> new.created_at then perform pg_notify('latchkey_invalidation', json_build_array('', 'credentials', coalesce(new.user_id, old.user_id))::text); end if; return null`,
    },
  ],
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    /** The user's name for the app; empty without one. */
    name: p.text(),
    /** The secret under the key ring. */
    sealed: p.text(),
    algorithm: p.text().$type<TotpAlgorithm>(),
    digits: p.integer(),
    period: p.integer(),
    /** The time step of the last code that was accepted: that one and all before it are refused. */
    lastStep: p.integer(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    usedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** The authenticator app of a user; its secret is encrypted (table `totp_credential`). */
export class TotpCredential extends TotpCredentialSchema.class {}
TotpCredentialSchema.setClass(TotpCredential);

const TotpEnrolmentSchema = defineEntity({
  name: 'TotpEnrolment',
  tableName: 'totp_enrolment',
  properties: {
    userId: () => p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade'),
    /** The sign-in or session that was shown the secret: no other can go on with it. */
    holderHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    sealed: p.text(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('totp_enrolment_expires_at_index'),
  },
});
/** A secret that was shown and has not been confirmed by a code yet. */
export class TotpEnrolment extends TotpEnrolmentSchema.class {}
TotpEnrolmentSchema.setClass(TotpEnrolment);
