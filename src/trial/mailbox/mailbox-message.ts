import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';

const MailboxMessageSchema = defineEntity({
  name: 'MailboxMessage',
  tableName: 'mailbox_message',
  properties: {
    id: p.type(new IdColumn('mail')).primary(),
    /** The mail under the key ring: it holds links and codes that work. */
    sealed: p.text(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
  },
  indexes: [{ name: 'mailbox_message_created_at_index', properties: ['createdAt'] }],
});
/** A mail that was kept because there is no mail server to take it. */
export class MailboxMessage extends MailboxMessageSchema.class {}
MailboxMessageSchema.setClass(MailboxMessage);
