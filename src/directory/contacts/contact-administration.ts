import type { AuditLog, By } from '#audit/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { chooseLanguage } from '#kernel/i18n.ts';
import { canonicalEmail, newCanonicalEmail, type UserId, type UserService } from '#directory/users/module.ts';
import { emailInvalid } from '#directory/users/errors.ts';
import { type ContactKind, lockContact } from './contact.ts';
import type { ContactService, ShownContact } from './contact-service.ts';
import type { EmailChanges } from './email-changes.ts';
import type { EmailProofs } from './email-proofs.ts';
import {
  contactExists,
  contactUnverified,
  contactVerified,
  emailNotFound,
  mailsLimited,
  phoneNumberNotFound,
  primaryEmailStays,
  primaryPhoneNumberStays,
  tooManyContacts,
} from './errors.ts';
import { type ContactKey, PRIMARY } from './contact-key.ts';
import { userEmailEntered, userPhoneEntered } from './events.ts';
import type { PhoneChanges } from './phone-changes.ts';
import type { PhoneProofs } from './phone-proofs.ts';

type Said = { isVerified: boolean; isFirst: boolean };

export type AdministrationDependencies = {
  database: Pick<Database, 'transaction'>;
  users: Pick<UserService, 'findById'>;
  contacts: Pick<ContactService, 'list' | 'add'>;
  emailProofs: Pick<EmailProofs, 'vouch' | 'sendLink'>;
  emailChanges: Pick<EmailChanges, 'putFirst' | 'remove'>;
  phoneProofs: Pick<PhoneProofs, 'vouch'>;
  phoneChanges: Pick<PhoneChanges, 'putFirst' | 'remove'>;
  audit: Pick<AuditLog, 'record'>;
};

/** Email addresses and phone numbers of users, as an operator changes them. The owner is told as of a change of their own. */
export class ContactAdministration {
  readonly #deps: AdministrationDependencies;

  constructor(dependencies: AdministrationDependencies) {
    this.#deps = dependencies;
  }

  async list(userId: UserId, kind: ContactKind): Promise<ShownContact[]> {
    return this.#deps.contacts.list(userId, kind);
  }

  /** Throws contacts.email_not_found or contacts.phone_number_not_found too where another user has it. */
  async require(userId: UserId, kind: ContactKind, key: ContactKey): Promise<ShownContact> {
    const found = (await this.list(userId, kind)).find(({ id }) => (id ?? PRIMARY) === key);
    if (found === undefined) throw notFound(kind);
    return found;
  }

  /**
   * Adds one: unverified, which has no effect yet, or verified, for which the operator answers. Throws users.email_invalid,
   * users.email_taken, contacts.exists, contacts.too_many, contacts.not_verified.
   */
  async add(userId: UserId, given: { kind: ContactKind; value: string } & Said, by: By): Promise<ShownContact> {
    const { database, contacts, audit } = this.#deps;
    const { kind, value, ...said } = given;
    if (kind === 'email' && newCanonicalEmail(value) === null) throw emailInvalid();
    if (said.isFirst && !said.isVerified) throw contactUnverified();
    await database.transaction(async (em) => {
      const outcome = await contacts.add(em, userId, { kind, value });
      if (outcome === 'verified_already') throw contactExists();
      if (outcome === 'too_many') throw tooManyContacts();
      if (said.isVerified) return this.#apply(em, { userId, by }, { kind, value, ...said });
      const of = { ...by, subject: { type: 'user', id: userId } };
      const entered =
        kind === 'email'
          ? userEmailEntered({ ...of, details: { email: value } })
          : userPhoneEntered({ ...of, details: { phone_number: value } });
      await audit.record(em, entered);
    });
    return this.#byValue(userId, kind, value);
  }

  /** Throws contacts.…_not_found, contacts.not_verified, users.email_taken. */
  async change(
    userId: UserId,
    kind: ContactKind,
    { key, ...said }: { key: ContactKey } & Said,
    by: By,
  ): Promise<ShownContact> {
    const { id, value, isVerified } = await this.require(userId, kind, key);
    if (said.isFirst && !said.isVerified && !isVerified) throw contactUnverified();
    await this.#deps.database.transaction(async (em) => {
      if (id !== null && (await lockContact(em, userId, comparable(kind, value))) !== id) throw notFound(kind);
      const verifies = said.isVerified && !isVerified;
      await this.#apply(em, { userId, by }, { kind, value, isVerified: verifies, isFirst: said.isFirst });
    });
    return this.#byValue(userId, kind, value);
  }

  /** Throws contacts.…_not_found, contacts.primary_email, contacts.primary_phone_number. */
  async remove(userId: UserId, kind: ContactKind, key: ContactKey, by: By): Promise<void> {
    const { id } = await this.require(userId, kind, key);
    if (kind === 'email') {
      if (id === null) throw primaryEmailStays();
      if (!(await this.#deps.emailChanges.remove({ userId, by }, id))) throw emailNotFound();
      return;
    }
    const isRemoved = await this.#deps.phoneChanges.remove(userId, id, by);
    if (!isRemoved) throw id === null ? primaryPhoneNumberStays() : phoneNumberNotFound();
  }

  /** Throws contacts.email_not_found, contacts.verified, contacts.too_many_mails. */
  async sendLink(userId: UserId, key: ContactKey, by: By): Promise<ShownContact> {
    const contact = await this.require(userId, 'email', key);
    if (contact.isVerified) throw contactVerified();
    const user = await this.#deps.users.findById(userId);
    const language = chooseLanguage({ uiLocales: user?.profile.locale });
    if (!(await this.#deps.emailProofs.sendLink({ userId, by, language }, contact.value))) throw mailsLimited();
    return contact;
  }

  async #byValue(userId: UserId, kind: ContactKind, value: string): Promise<ShownContact> {
    const { canonical } = comparable(kind, value);
    const found = (await this.list(userId, kind)).find((each) => comparable(kind, each.value).canonical === canonical);
    if (found === undefined) throw notFound(kind);
    return found;
  }

  async #apply(
    em: EntityManager,
    owner: { userId: UserId; by: By },
    { kind, value, isVerified, isFirst }: { kind: ContactKind; value: string } & Said,
  ): Promise<void> {
    const { emailProofs, emailChanges, phoneProofs, phoneChanges } = this.#deps;
    if (isVerified) await (kind === 'email' ? emailProofs : phoneProofs).vouch(em, owner, value);
    if (!isFirst) return;
    // Null for the primary one: the first verified one of a user without a primary one takes its place by itself.
    const id = await lockContact(em, owner.userId, comparable(kind, value));
    if (id === null) return;
    if (kind === 'email') return emailChanges.putFirst(em, owner, value);
    if (!(await phoneChanges.putFirst(em, owner, id))) throw phoneNumberNotFound();
  }
}

const notFound = (kind: ContactKind) => (kind === 'email' ? emailNotFound() : phoneNumberNotFound());
/** In the form in which two are compared. */
const comparable = (kind: ContactKind, value: string) => ({
  kind,
  canonical: kind === 'email' ? (canonicalEmail(value) ?? value) : value,
});
