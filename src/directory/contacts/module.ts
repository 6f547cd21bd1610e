/**
 * contacts: additional email addresses and phone numbers of a user.
 *
 * Owns    the table contact; adding, confirming, replacing and removing addresses and numbers; links and codes that prove them,
 *         with their mails and text messages; the change of the primary email address and its undo link.
 * Leaves  the primary address and number to users, the storage of links and codes to credentials, the pages to account/contacts and
 *         sign-in/verification.
 * URLs    none.
 */
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { ContactBulk } from './contact-bulk.ts';
import { ContactService } from './contact-service.ts';

/** Creates the services for additional email addresses and phone numbers. */
export function createContacts({ clock, database }: { clock: Clock; database: Database }) {
  return { contacts: new ContactService(clock, database), contactBulk: new ContactBulk(clock, database) };
}

export { Contact } from './contact.ts';
export type { ContactService, ShownContact } from './contact-service.ts';
export type { BulkContact, ContactBulk } from './contact-bulk.ts';
export { createContactProofs } from './contact-proofs.ts';
export type { Asker, EmailProofs } from './email-proofs.ts';
export { linkView } from './link-view.ts';
export type { EmailChanges } from './email-changes.ts';
export type { PhoneProofs } from './phone-proofs.ts';
export type { PhoneChanges } from './phone-changes.ts';
