import type { AuditLog, Visitor } from '#audit/module.ts';
import {
  forgetProofs,
  type KnownDevices,
  type OneTimeSecret,
  type OneTimeSecrets,
  type PasswordService,
  provingPurposes,
  type TrustedDevices,
} from '#credentials/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { type ContactService, User, type UserId } from '#users/module.ts';

type By = { actor: { type: 'user'; id: UserId }; visitor: Visitor };

export type NotMeDependencies = {
  database: Pick<Database, 'transaction'>;
  contacts: Pick<ContactService, 'removeSince'>;
  passwords: Pick<PasswordService, 'remove'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'findByLink' | 'consumeLink' | 'revoke'>;
  knownDevices: Pick<KnownDevices, 'forgetAll'>;
  trustedDevices: Pick<TrustedDevices, 'revokeAll'>;
  endSessions(em: EntityManager, userId: UserId, by: By): Promise<unknown>;
  /** Mails the link that sets a new password. */
  sendReset(em: EntityManager, user: User, visitor: Visitor): Promise<void>;
  audit: Pick<AuditLog, 'record'>;
};

/**
 * "This was not me". Whoever says so may be right about the password: it is worth nothing from now on, and nothing that was
 * opened or begun with it goes on. The way back is a link to the mailbox.
 */
export class NotMeService {
  readonly #deps: NotMeDependencies;

  constructor(dependencies: NotMeDependencies) {
    this.#deps = dependencies;
  }

  /** The sign-in that a link of ours tells of. */
  async find(link: string): Promise<OneTimeSecret | null> {
    return this.#deps.oneTimeSecrets.findByLink('end_sign_in', link);
  }

  /** By the link in the mail. False when it is used up or too old. */
  async lockByLink(link: string, visitor: Visitor): Promise<boolean> {
    const { database, oneTimeSecrets } = this.#deps;
    return database.transaction(async (em) => {
      const secret = await oneTimeSecrets.consumeLink(em, { purpose: 'end_sign_in', link });
      if (secret === null || secret.userId === null) return false;
      // Whatever was added after that sign-in may be the intruder's.
      const since = new Date(String(secret.data['at']));
      await forgetProofs(em, secret.userId, { since });
      await this.#deps.contacts.removeSince(em, secret.userId, since);
      await this.#lock(em, secret.userId, visitor);
      return true;
    });
  }

  /** By the person, from their account. */
  async lock(userId: UserId, visitor: Visitor): Promise<void> {
    await this.#deps.database.transaction((em) => this.#lock(em, userId, visitor));
  }

  async #lock(em: EntityManager, userId: UserId, visitor: Visitor): Promise<void> {
    const { passwords, oneTimeSecrets, knownDevices, trustedDevices, endSessions, sendReset, audit } = this.#deps;
    const by: By = { actor: { type: 'user', id: userId }, visitor };
    await passwords.remove(em, userId);
    await endSessions(em, userId, by);
    // Not what undoes: an intruder who says so must not take away the way back of the owner.
    await oneTimeSecrets.revoke(em, userId, provingPurposes);
    await knownDevices.forgetAll(em, userId);
    await trustedDevices.revokeAll(em, userId);
    await audit.record(em, { type: 'user.locked_by_owner', ...by, subject: { type: 'user', id: userId } });
    const user = await em.findOne(User, { id: userId });
    if (user?.status === 'active') await sendReset(em, user, visitor);
  }
}
