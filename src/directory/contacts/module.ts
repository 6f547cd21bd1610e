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
import { type AdministrationDependencies, ContactAdministration } from './contact-administration.ts';
import { ContactBulk } from './contact-bulk.ts';
import { ContactService } from './contact-service.ts';
import type { Config } from '#kernel/config.ts';
import { type ChangeDependencies, EmailChanges } from './email-changes.ts';
import { EmailProofs, type ProofDependencies } from './email-proofs.ts';
import { type NoticeDependencies, ContactNotices } from './notices.ts';
import { type PhoneChangeDependencies, PhoneChanges } from './phone-changes.ts';
import { type PhoneDependencies, PhoneProofs } from './phone-proofs.ts';

type Dependencies = Omit<ProofDependencies, 'notices' | 'issuer' | 'users' | 'contacts'> &
  Pick<AdministrationDependencies, 'users' | 'contacts'> &
  Pick<ProofDependencies, 'users' | 'contacts'> &
  Omit<ChangeDependencies, 'notices'> &
  Omit<PhoneDependencies, 'notices'> &
  Omit<PhoneChangeDependencies, 'notices'> &
  Omit<NoticeDependencies, 'issuer'> & { config: Pick<Config, 'issuer'> };

/** Proofs and changes of addresses and numbers, which mail links and codes: made after the credentials that keep those. */
export function createContactProofs({ config, ...dependencies }: Dependencies) {
  const { issuer } = config;
  const notices = new ContactNotices({ ...dependencies, issuer });
  const changes = {
    emailProofs: new EmailProofs({ ...dependencies, notices, issuer }),
    emailChanges: new EmailChanges({ ...dependencies, notices }),
    phoneProofs: new PhoneProofs({ ...dependencies, notices }),
    phoneChanges: new PhoneChanges({ ...dependencies, notices }),
  };
  return { ...changes, contactAdministration: new ContactAdministration({ ...dependencies, ...changes }) };
}

/** Creates the services for additional email addresses and phone numbers. */
export function createContacts({ clock, database }: { clock: Clock; database: Database }) {
  return { contacts: new ContactService(clock, database), contactBulk: new ContactBulk(clock, database) };
}

export { Contact } from './contact.ts';
export type { ContactService, ShownContact } from './contact-service.ts';
export type { BulkContact, ContactBulk } from './contact-bulk.ts';
export type { Asker, EmailProofs } from './email-proofs.ts';
export { linkView } from './link-view.ts';
export type { EmailChanges } from './email-changes.ts';
export type { PhoneProofs } from './phone-proofs.ts';
export type { PhoneChanges } from './phone-changes.ts';
