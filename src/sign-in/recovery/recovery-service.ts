import type { Ways } from '#sign-in/interaction/module.ts';
import type { AuditLog, By } from '#audit/module.ts';
import {
  methods,
  type NewPassword,
  type NewPasswords,
  type OneTimeSecret,
  type OneTimeSecrets,
  passwordOwner,
  type PasswordProblem,
  type PasswordService,
  type Resent,
  secretLifetimes,
  type UndoRights,
} from '#credentials/module.ts';
import { randomSecret } from '#kernel/crypto.ts';
import { type Clock, fromNow, SECOND } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { chooseLanguage, type Language } from '#kernel/i18n.ts';
import { fromUuid } from '#kernel/ids.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import {
  canonicalEmail,
  type ManagedUsers,
  unknownAddress,
  type ReachablePeople,
  type ReachablePerson,
  type ReadUser,
  type User,
  type UserId,
  type UserService,
} from '#directory/users/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { noAddress, signsInElsewhere, tooManyMails, userDisabled } from './errors.ts';
import { type NoReset, noResetLetter, resetLetter, type ResetOccasion } from './recovery-letters.ts';
import { userPasswordResetRequested } from './events.ts';

export type RecoveryDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  /** Where our pages are. */
  issuer: string;
  people: Pick<ReachablePeople, 'find'>;
  users: Pick<UserService, 'findById'>;
  managed: Pick<ManagedUsers, 'requireChangeable'>;
  /** Users who sign in by a connection of their organization alone get no password, and are answered as unknown ones. */
  realms: { binds(person: Pick<ReachablePerson, 'id' | 'email'>): Promise<boolean> };
  passwords: Pick<PasswordService, 'has' | 'prepare'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'askAgain' | 'findByLink' | 'consumeLink'>;
  undoRights: Pick<UndoRights, 'cleanUp'>;
  /** Verifies an address by a link that its mailbox received; before the first proof all credentials go. False when it is not the user's. */
  proveAddress(em: EntityManager, prover: { userId: UserId; by: By }, address: string): Promise<boolean>;
  /** Whether users can sign in by mail: then no user needs to set a first password this way. */
  ways: Pick<Ways, 'isOpen'>;
  newPasswords: Pick<NewPasswords<'reset' | 'demanded'>, 'write'>;
  letters: Pick<Letters, 'send'>;
  audit: Pick<AuditLog, 'record'>;
};

type ResetRequest = {
  email: string;
  language: Language;
  by: By;
  /** By which the account may know the browser. */
  deviceSecret: string | undefined;
};

type ResetOutcome = { kind: 'done' } | { kind: 'refused'; problem: PasswordProblem } | { kind: 'expired' };

const LIFETIME = secretLifetimes.password_reset;
const PURPOSE = 'password_reset';

/** The user who may set a new password, or the reason why not; `unknown` means an unknown address. */
type Answer =
  | { kind: 'link'; person: ReachablePerson }
  | { kind: NoReset | 'no_address'; person: ReachablePerson }
  | { kind: 'unknown' };

/** A new password for a user who forgot the present one, by a link to the email address, which it proves where it was not proved before. */
export class RecoveryService {
  readonly #deps: RecoveryDependencies;

  constructor(dependencies: RecoveryDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Sends the mail. Reads and writes are the same for every address; the worker discards a mail without a recipient.
   * A user without the right to a link learns the reason by mail, which no other user sees; one without an address is answered as an
   * unknown one.
   */
  async request({ email, language, by, deviceSecret }: ResetRequest): Promise<void> {
    const { database, audit } = this.#deps;
    const answer = await this.#answerTo(email);
    await database.transaction(async (em) => {
      const person = answer.kind === 'unknown' ? null : answer.person;
      const address = person?.email ?? unknownAddress(email);
      // A link for an unknown address opens nothing.
      const holder =
        answer.kind === 'link' ? { userId: answer.person.id } : { emailCanonical: canonicalEmail(address) ?? address };
      const browser = { holds: deviceSecret ?? by.visitor?.requestId ?? randomSecret(), deviceSecret };
      const secret = { purpose: PURPOSE, holder, address, form: 'link', browser } as const;
      const envelope = { kind: PURPOSE, to: { address }, language: languageOf(person, language), ip: by.visitor?.ip };
      await this.#deps.oneTimeSecrets.issue(em, secret, async ({ link }, share) => {
        const url = this.#urlOf(link);
        const shared = { ...envelope, share };
        if (answer.kind === 'link' || answer.kind === 'unknown' || answer.kind === 'no_address')
          return this.#sendLink(
            em,
            { ...shared, discard: !person?.email },
            { address, url, occasion: 'asked', isProved: person?.emailVerified ?? true },
          );
        return this.#deps.letters.send(
          noResetLetter,
          { ...shared, discard: url === null, context: { email: address, reason: answer.kind } },
          em,
        );
      });
      await audit.record(
        em,
        userPasswordResetRequested({
          ...by,
          ...(person ? { subject: { type: 'user', id: person.id } } : {}),
          details: { answer: answer.kind },
        }),
      );
    });
  }

  /** Another mail for this sign-in; the same answer for every address. */
  requestAgain(uid: string, request: ResetRequest): Promise<Resent> {
    const asked = { purpose: PURPOSE, holds: uid, to: request.email } as const;
    return this.#deps.oneTimeSecrets.askAgain(asked, () => this.request(request));
  }

  /** For who says that a sign-in was not theirs: their password is gone, and this is the way back. */
  async sendAfterLock(em: EntityManager, { id, email, emailVerified, profile }: User, { visitor }: By): Promise<void> {
    if (!email) return;
    const { link } = await this.#deps.oneTimeSecrets.issue(em, {
      purpose: PURPOSE,
      holder: { userId: id },
      address: email,
      form: 'link',
      data: { isAfterLock: true },
    });
    const language = chooseLanguage({ uiLocales: profile.locale });
    const envelope = { kind: 'password_reset_after_lock', to: { address: email }, language, ip: visitor?.ip };
    await this.#sendLink(
      em,
      { ...envelope, discard: false },
      { address: email, url: this.#urlOf(link), occasion: 'locked', isProved: emailVerified },
    );
  }

  /**
   * For an operator who helps a user, also a user without a password or without a verified address.
   * Throws users.not_found, users.rights_missing, recovery.no_address, recovery.user_disabled, recovery.signs_in_elsewhere,
   * recovery.too_many_mails.
   */
  async sendByOperator(id: UserId, by: By): Promise<{ email: string; expiresAt: Date }> {
    const { audit, clock, database, managed, oneTimeSecrets, realms, users } = this.#deps;
    await managed.requireChangeable(id, by);
    const user = await users.findById(id);
    if (user === null) throw userNotFound();
    const { email, emailVerified, profile, status } = user;
    if (status !== 'active') throw userDisabled();
    if (!email) throw noAddress();
    if (await realms.binds({ id, email })) throw signsInElsewhere();
    await database.transaction(async (em) => {
      const holder = { userId: id };
      const secret = { purpose: PURPOSE, holder, address: email, form: 'link', data: { isByOperator: true } } as const;
      const { link } = await oneTimeSecrets.issue(em, secret);
      const language = chooseLanguage({ uiLocales: profile.locale });
      const envelope = { kind: 'password_reset_by_operator', to: { address: email }, language, ip: by.visitor?.ip };
      const url = this.#urlOf(link);
      const about = { address: email, url, occasion: 'operator', isProved: emailVerified } as const;
      if (!(await this.#sendLink(em, { ...envelope, discard: false }, about))) throw tooManyMails();
      const details = { answer: 'link' };
      await audit.record(em, userPasswordResetRequested({ ...by, subject: { type: 'user', id }, details }));
    });
    return { email, expiresAt: fromNow(clock, LIFETIME) };
  }

  /** The user whose password a link would set, without consuming it. */
  async find(link: string): Promise<User | null> {
    const secret = await this.#deps.oneTimeSecrets.findByLink(PURPOSE, link);
    return secret === null ? null : this.#ownerOf(secret);
  }

  /** Sets the password, and verifies the address that received the link. A password that is refused leaves the link as it was. */
  async reset(
    link: string,
    password: string,
    about: Pick<NewPassword<'reset'>, 'by' | 'language' | 'deviceSecret'>,
  ): Promise<ResetOutcome> {
    const { database, passwords, oneTimeSecrets, undoRights, newPasswords } = this.#deps;
    const user = await this.find(link);
    if (user === null) return { kind: 'expired' };
    const { id: userId } = user;
    const prepared = await passwords.prepare(password, passwordOwner(user));
    if (prepared.kind === 'refused') return { kind: 'refused', problem: prepared.problem };
    return database.transaction(async (em) => {
      const secret = await oneTimeSecrets.consumeLink(em, { purpose: PURPOSE, link });
      if (secret === null || secret.userId !== userId) return { kind: 'expired' };
      const isProved =
        user.emailVerified || (await this.#deps.proveAddress(em, { userId, by: about.by }, secret.address));
      if (!isProved) return { kind: 'expired' };
      await newPasswords.write(em, { user, save: prepared.save, act: 'reset', ...about });
      await undoRights.cleanUp(em, userId, { by: secret.address });
      return { kind: 'done' };
    });
  }

  /** Sets the password that an operator demanded, in the sign-in that `about` keeps. */
  async setDemanded(
    user: User,
    password: string,
    about: Pick<NewPassword<'demanded'>, 'by' | 'language' | 'deviceSecret' | 'keep' | 'goOn'>,
  ): Promise<Exclude<ResetOutcome, { kind: 'expired' }>> {
    const { database, passwords, newPasswords } = this.#deps;
    const prepared = await passwords.prepare(password, passwordOwner(user));
    if (prepared.kind === 'refused') return { kind: 'refused', problem: prepared.problem };
    await database.transaction((em) =>
      newPasswords.write(em, { user, save: prepared.save, act: 'demanded', ...about }),
    );
    return { kind: 'done' };
  }

  /** Null when what the link was made for is no longer so. */
  async #ownerOf({ userId, address, data }: OneTimeSecret): Promise<User | null> {
    const person = await this.#deps.people.find(address);
    if (userId === null || person?.id !== userId || person.status !== 'active') return null;
    if (await this.#deps.realms.binds(person)) return null;
    const user = await this.#deps.users.findById(userId);
    // A user who locks the account has no other way back into it, and an operator answers for the address.
    if (data['isAfterLock'] === true || data['isByOperator'] === true) return user;
    return user !== null && mayProve(person, user) ? user : null;
  }

  async #answerTo(email: string): Promise<Answer> {
    const { people, passwords, users, ways, realms } = this.#deps;
    const person = await people.find(email);
    const hasPassword = await passwords.has(person?.id ?? null);
    const user = await users.findById(person?.id ?? NO_USER);
    if (person === null || (await realms.binds(person))) return { kind: 'unknown' };
    if (!person.email) return { kind: 'no_address', person };
    if (person.status !== 'active') return { kind: 'disabled', person };
    if (!mayProve(person, user)) return { kind: 'unverified', person };
    // Before its first proof an address receives no code to sign in with.
    return {
      kind: hasPassword || !person.emailVerified || !ways.isOpen(methods.email.first.page) ? 'link' : 'no_password',
      person,
    };
  }

  #urlOf(link: string | null): string | null {
    return link === null ? null : `${this.#deps.issuer}/recovery/link/${link}`;
  }

  async #sendLink(
    em: EntityManager,
    envelope: {
      kind: string;
      to: { address: string };
      language: Language;
      ip: string | undefined;
      share?: string | undefined;
      discard: boolean;
    },
    { address, url, ...about }: { address: string; url: string | null; occasion: ResetOccasion; isProved: boolean },
  ): Promise<boolean> {
    const { letters, clock, issuer } = this.#deps;
    return letters.send(
      resetLetter,
      {
        ...envelope,
        discard: envelope.discard || url === null,
        expiresAt: fromNow(clock, LIFETIME),
        context: { email: address, url: url ?? issuer, lifetime: LIFETIME / SECOND, ...about },
      },
      em,
    );
  }
}

const NO_USER = fromUuid('usr', '00000000-0000-0000-0000-000000000000');

/**
 * Whether a link may go to the address. One that was never proved may be mistyped: it takes over no account with rights on the
 * instance, for which an operator sends the link.
 */
const mayProve = (person: Pick<ReachablePerson, 'emailVerified'>, user: ReadUser | null): boolean =>
  person.emailVerified || (user !== null && user.permissions.length === 0 && user.roles.length === 0);

/** The user's language, or the language of this browser. */
function languageOf(person: ReachablePerson | null, asked: Language): Language {
  return chooseLanguage({ uiLocales: person?.locale, remembered: asked });
}
