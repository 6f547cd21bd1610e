import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import { DAY, MINUTE } from '#kernel/clock.ts';
import { UNDO_WINDOW, User } from '#directory/users/module.ts';
import { CODE_LIFETIME } from '../lifetimes.ts';

/** The purposes of secrets, with their lifetimes. A secret of one purpose is refused for any other. */
export const secretLifetimes = {
  registration: DAY,
  waitlist: DAY,
  invitation: 7 * DAY,
  verify_email: DAY,
  verify_phone: CODE_LIFETIME,
  change_email: DAY,
  revert_email: UNDO_WINDOW,
  password_reset: 30 * MINUTE,
  /** A magic link with the code that finishes it in another browser. */
  sign_in: CODE_LIFETIME,
  sign_in_sms: CODE_LIFETIME,
  second_factor: CODE_LIFETIME,
  second_factor_sms: CODE_LIFETIME,
  /** "This was not me" in the mail about a new sign-in. */
  end_sign_in: 3 * DAY,
} as const satisfies Record<string, number>;

export type Purpose = keyof typeof secretLifetimes;

/** Links that work against an intruder. A new password does not end them: the intruder may have set it. */
export const undoPurposes = ['revert_email', 'end_sign_in'] as const satisfies readonly Purpose[];
export type UndoPurpose = (typeof undoPurposes)[number];
/** Secrets that prove something about a user. They end when the password changes. */
const provingPurposes = (Object.keys(secretLifetimes) as Purpose[]).filter(
  (purpose) => !undoPurposes.some((undo) => undo === purpose),
);

/** The purposes that an act ends at once. */
export const purposeGroups = {
  all: Object.keys(secretLifetimes) as Purpose[],
  proofs: provingPurposes,
  'second-factor codes': ['second_factor', 'second_factor_sms'],
} as const satisfies Record<string, readonly Purpose[]>;
export type PurposeGroup = keyof typeof purposeGroups;

const OneTimeSecretSchema = defineEntity({
  name: 'OneTimeSecret',
  tableName: 'one_time_secret',
  indexes: [{ name: 'one_time_secret_purpose_subject_index', properties: ['purpose', 'subject'] }],
  properties: {
    id: p.type(new IdColumn('ots')).primary().$type<Id<'ots'>>(),
    purpose: p.text().$type<Purpose>(),
    /** The owner: a user id, `email:` with the canonical form of an address without an account, or `invitation:` with an id. */
    subject: p.text(),
    userId: () =>
      p
        .manyToOne(User)
        .mapToPk()
        .nullable()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('one_time_secret_user_id_index'),
    /** Where it was sent. */
    address: p.text(),
    linkHash: p.blob().columnType('bytea').$type<Buffer>().nullable().unique('one_time_secret_link_hash_unique'),
    codeHash: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    interactionHash: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    /** The browser that asked: its code is tried there alone. Null where no browser did. */
    browserHash: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    /** The same browser by its cookie, where the account knew it. */
    knownHash: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    /** How often its code was tried. */
    tries: p.integer().default(0),
    data: p.json<Record<string, unknown>>(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('one_time_secret_expires_at_index'),
    usedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** A mailed link or code; only hashes are stored (table `one_time_secret`). */
export class OneTimeSecretRow extends OneTimeSecretSchema.class {}
OneTimeSecretSchema.setClass(OneTimeSecretRow);
