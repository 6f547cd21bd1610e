import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import type { Language } from '#kernel/i18n.ts';

type WaitlistEntryId = Id<'wait'>;

const WaitlistEntrySchema = defineEntity({
  name: 'WaitlistEntry',
  tableName: 'waitlist_entry',
  properties: {
    id: p.type(new IdColumn('wait')).primary().$type<WaitlistEntryId>(),
    email: p.text(),
    emailCanonical: p.text().unique('waitlist_entry_email_canonical_unique'),
    name: p.text(),
    language: p.text().$type<Language>(),
    /** When the address was proved: the list is in this order. */
    joinedAt: p.datetime(3).columnType('timestamptz(3)').index('waitlist_entry_joined_at_index'),
    invitedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** A visitor who wants an account and has verified the email address. */
export class WaitlistEntry extends WaitlistEntrySchema.class {}
WaitlistEntrySchema.setClass(WaitlistEntry);
