import { type AuditLog, type By, byUser } from '#audit/module.ts';
import type { PasswordService } from '#credentials/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Role, UserId, UserService } from '#users/module.ts';
import type { Application, PendingRegistrations } from './pending-registration.ts';

/** Who asks, and in which language they read. */
export type Asker = { by: By; language: Language };

export type NewAccountsDependencies = {
  users: Pick<UserService, 'create'>;
  passwords: Pick<PasswordService, 'adopt'>;
  pending: PendingRegistrations;
  audit: Pick<AuditLog, 'record'>;
  /** Told in the transaction that makes the account: whoever waited for it waits no more. */
  registered(em: EntityManager, emailCanonical: string): Promise<unknown>;
};

/** Makes the account of somebody who has proved the address, in the transaction that uses the proof up. */
export class NewAccounts {
  readonly #deps: NewAccountsDependencies;

  constructor(dependencies: NewAccountsDependencies) {
    this.#deps = dependencies;
  }

  /** Throws users.email_taken. */
  async create(
    em: EntityManager,
    uid: string,
    { email, method, profile, properties, passwordHash, termsVersion, roles = [] }: Wanted,
    { by, language }: Asker,
  ): Promise<UserId> {
    const { users, passwords, pending, audit, registered } = this.#deps;
    const { id, emailCanonical } = await users.create(
      em,
      {
        email,
        emailVerified: true,
        profile: { ...profile, locale: language },
        properties,
        roles,
        ...(termsVersion === null ? {} : { termsVersion }),
      },
      by,
    );
    if (passwordHash !== null) await passwords.adopt(em, id, passwordHash);
    await pending.close(em, uid, { userId: id, email, emailCanonical, method });
    await registered(em, emailCanonical);
    const details = { method, ...(termsVersion === null ? {} : { terms: termsVersion }) };
    await audit.record(em, {
      type: 'user.registered',
      ...byUser(id, by.visitor, by.clientId),
      subject: { type: 'user', id },
      details,
    });
    return id;
  }
}

type Wanted = Application & { roles?: readonly Role[] };
