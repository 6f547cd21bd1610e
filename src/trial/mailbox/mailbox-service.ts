import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, newId, parseId, type Id } from '#kernel/ids.ts';
import type { KeptMail, Mailbox } from '#kernel/mail.ts';
import type { TextBox } from '#kernel/sms/sms.ts';
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

type MailId = Id<'mail'>;
/** A mail, or a text message, which is a mail without a sender, a subject and a form of its own. */
type Kept = KeptMail & { isText?: boolean };
export type StoredMail = Kept & { id: MailId; at: Date };

/** Older ones make room. */
const MOST_MAILS = 200;

/** Stores unsent mails and text messages, encrypted, the newest two hundred. */
export class MailboxService implements Mailbox, TextBox {
  readonly #database: Database;
  readonly #keyRing: KeyRing;
  readonly #clock: Clock;

  constructor(database: Database, keyRing: KeyRing, clock: Clock) {
    this.#database = database;
    this.#keyRing = keyRing;
    this.#clock = clock;
  }

  async keep(mail: Kept): Promise<void> {
    const id = newId('mail');
    await this.#database.transaction(async (em) => {
      await em.insert(MailboxMessage, {
        id,
        sealed: this.#keyRing.seal(JSON.stringify(mail), placeOf(id)),
        createdAt: this.#clock.now(),
      });
      await em.execute(
        'delete from mailbox_message where id not in (select id from mailbox_message order by created_at desc, id desc limit ?)',
        [MOST_MAILS],
      );
    });
  }

  async keepText({ to, text }: { to: string; text: string }): Promise<void> {
    const noSender = { name: '', address: '' };
    const subject = text.split('\n', 1)[0] ?? '';
    await this.keep({ from: noSender, to: { name: '', address: to }, subject, text, html: '', isText: true });
  }

  /** The newest first. */
  async listMails(): Promise<StoredMail[]> {
    const rows = await this.#database.em().find(MailboxMessage, {}, { orderBy: { createdAt: 'desc', id: 'desc' } });
    return rows.map((row) => this.#open(row));
  }

  async findMail(text: string): Promise<StoredMail | null> {
    const id = parseId('mail', text);
    const row = id && (await this.#database.em().findOne(MailboxMessage, { id }));
    return row ? this.#open(row) : null;
  }

  /** Seals the mails under the first secret of the ring. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ id: string }>(
      { database: this.#database, keyRing: this.#keyRing },
      {
        table: 'mailbox_message',
        column: 'sealed',
        key: ['id'],
        place: ({ id }) => placeOf(fromUuid('mail', id)),
      },
    );
  }

  #open({ id, sealed, createdAt }: MailboxMessage): StoredMail {
    return { ...(JSON.parse(this.#keyRing.open(sealed, placeOf(id))) as Kept), id, at: createdAt };
  }
}

const placeOf = (id: MailId): string => `mailbox_message.sealed:${id}`;
