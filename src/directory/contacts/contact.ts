import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { EntityManager } from '#kernel/database.ts';
import { fromUuid, type Id, toUuid } from '#kernel/ids.ts';
import { lockUser, User, type UserId } from '#directory/users/module.ts';

export type ContactId = Id<'cnt'>;
export type ContactKind = 'email' | 'phone';

const ContactSchema = defineEntity({
  name: 'Contact',
  tableName: 'contact',
  uniques: [
    { name: 'contact_user_id_kind_canonical_unique', properties: ['userId', 'kind', 'canonical'] },
    {
      name: 'contact_email_unique',
      properties: ['canonical'],
      where: `"kind" = 'email' and "verified_at" is not null`,
    },
  ],
  properties: {
    id: p.type(new IdColumn('cnt')).primary().$type<ContactId>(),
    userId: () => p.manyToOne(User).mapToPk().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    kind: p.text().$type<ContactKind>(),
    /** As typed (email) or E.164 (phone); what is sent goes here. */
    value: p.text(),
    /** The compared form: see email.ts. For a phone the number itself. */
    canonical: p.text(),
    /** Null until the user has proved that it is theirs; before that it is good for nothing. */
    verifiedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
    /** An address that was given up, kept from others as long as the change can be undone. It is good for nothing else. */
    reservedUntil: p.datetime(3).columnType('timestamptz(3)').nullable().index('contact_reserved_until_index'),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** An additional email address or phone number of a user. The primary one is a member of the user. */
export class Contact extends ContactSchema.class {}
ContactSchema.setClass(Contact);

/** The id of an additional one, as a transaction sees it. The user is locked: it stays until the transaction ends. */
export async function lockContact(
  em: EntityManager,
  userId: UserId,
  { kind, canonical }: { kind: ContactKind; canonical: string },
): Promise<ContactId | null> {
  await lockUser(em, userId);
  const [row] = await em.execute<{ id: string }[]>(
    'select id from contact where user_id = ? and kind = ? and canonical = ? and reserved_until is null',
    [toUuid(userId), kind, canonical],
  );
  return row ? fromUuid('cnt', row.id) : null;
}
