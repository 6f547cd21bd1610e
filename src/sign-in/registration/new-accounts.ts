import { type AuditLog, type By, byUser } from '#audit/module.ts';
import type { PasswordService } from '#credentials/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Role, UserId, UserService } from '#directory/users/module.ts';
import type { Application, PendingRegistrations } from './pending-registration.ts';
import { userRegistered } from './events.ts';

/** The requester and the language. */
export type Asker = { by: By; language: Language };

/** The verification of an address; `record` writes the proof to the sign-in, in the transaction that consumes it and creates the account. */
export type Newcomer = Asker & { record: (em: EntityManager, userId: UserId) => Promise<void> };

export type NewAccountsDependencies = {
  users: Pick<UserService, 'create'>;
  passwords: Pick<PasswordService, 'adopt'>;
  pending: PendingRegistrations;
  audit: Pick<AuditLog, 'record'>;
  /** Called in the transaction that creates the account: removes the address from the waitlist. */
  registered(em: EntityManager, emailCanonical: string): Promise<unknown>;
};

/** Creates the account after the verification of the address, in the transaction that consumes the proof, or for a username at once. */
export class NewAccounts {
  readonly #deps: NewAccountsDependencies;

  constructor(dependencies: NewAccountsDependencies) {
    this.#deps = dependencies;
  }

  /** Throws users.email_taken, users.username_taken, users.username_invalid, and whatever `record` throws. */
  async create(
    em: EntityManager,
    uid: string,
    { email, username, method, profile, properties, passwordHash, termsVersion, roles = [] }: Wanted,
    { by, language, record }: Newcomer,
  ): Promise<UserId> {
    const { users, passwords, pending, audit, registered } = this.#deps;
    const { id, emailCanonical: canonical } = await users.create(
      em,
      {
        ...(email === null ? {} : { email, emailVerified: true }),
        ...(username === undefined ? {} : { username }),
        profile: { ...profile, locale: language },
        properties,
        roles,
        ...(termsVersion === null ? {} : { termsVersion }),
      },
      by,
    );
    if (passwordHash !== null) await passwords.adopt(em, id, passwordHash);
    if (email !== null) {
      const emailCanonical = canonical ?? email;
      await pending.close(em, uid, { userId: id, email, emailCanonical, method });
      await registered(em, emailCanonical);
    }
    await record(em, id);
    const details = { method, ...(termsVersion === null ? {} : { terms: termsVersion }) };
    await audit.record(
      em,
      userRegistered({
        ...byUser(id, by.visitor, by.clientId),
        subject: { type: 'user', id },
        details,
      }),
    );
    return id;
  }
}

/** Without an email address there is a username. */
type Wanted = Omit<Application, 'email'> & { email: string | null; username?: string; roles?: readonly Role[] };
