import { type AuditLog, type By, byUser } from '#audit/module.ts';
import { forgetProofs, type PasswordService, type Undo, type UndoRights } from '#credentials/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { type AccessRevocation, readUser, type User, type UserId } from '#directory/users/module.ts';
import type { ContactService } from '#directory/contacts/module.ts';
import { userLockedByOwner } from './events.ts';
import { userEmailReverted } from '#directory/users/events.ts';

type LockAct = 'account locked on the account page' | 'account locked by the link in a mail';

export type NotMeDependencies = {
  database: Pick<Database, 'transaction'>;
  contacts: Pick<ContactService, 'replaceEmail' | 'removeSince'>;
  passwords: Pick<PasswordService, 'remove'>;
  undoRights: Pick<UndoRights, 'find' | 'use' | 'cleanUp'>;
  accessRevocation: AccessRevocation<LockAct>;
  /** Mails the link that sets a new password. */
  sendReset(em: EntityManager, user: User, by: By): Promise<void>;
  audit: Pick<AuditLog, 'record'>;
};

/**
 * "This was not me". The password may be known to an attacker: it becomes invalid, and nothing that was
 * opened or begun with it goes on. The way back is a link to the mailbox.
 */
export class NotMeService {
  readonly #deps: NotMeDependencies;

  constructor(dependencies: NotMeDependencies) {
    this.#deps = dependencies;
  }

  /** The sign-in that a link of ours tells of. */
  async find(link: string): Promise<Undo | null> {
    return this.#deps.undoRights.find('end_sign_in', link);
  }

  /**
   * By the link in the mail, which also puts the address it was mailed to first again when an intruder took that place: the way back
   * goes to the primary email address. False when the link is consumed or too old.
   */
  async lockByLink(link: string, { visitor }: By): Promise<boolean> {
    const { database, contacts, undoRights } = this.#deps;
    return database.transaction(async (em) => {
      const undo = await undoRights.use(em, 'end_sign_in', link);
      if (!undo) return false;
      const { userId, address, at, period } = undo;
      const by = byUser(userId, visitor);
      if (undo.restores !== null) await this.#putFirst(em, userId, undo.restores, by);
      // Whatever was added after that sign-in may be the intruder's.
      await forgetProofs(em, userId, period);
      await contacts.removeSince(em, userId, period);
      await undoRights.cleanUp(em, userId, { by: address, began: at });
      await this.#lock(em, 'account locked by the link in a mail', userId, by);
      return true;
    });
  }

  /** By the user, on the account page. It names no sign-in: the primary email address decides what ends and receives the recovery link. */
  async lock(userId: UserId, by: By): Promise<void> {
    const { database, undoRights } = this.#deps;
    await database.transaction(async (em) => {
      await undoRights.cleanUp(em, userId);
      await this.#lock(em, 'account locked on the account page', userId, by);
    });
  }

  async #putFirst(em: EntityManager, userId: UserId, address: string, by: By): Promise<void> {
    const { contacts, audit } = this.#deps;
    const former = await contacts.replaceEmail(em, userId, { value: address, old: 'keep' });
    if (former === 'taken') return;
    await audit.record(
      em,
      userEmailReverted({
        ...by,
        subject: { type: 'user', id: userId },
        details: { before: former.value, after: address },
      }),
    );
  }

  async #lock(em: EntityManager, act: LockAct, userId: UserId, by: By): Promise<void> {
    const { passwords, accessRevocation, sendReset, audit } = this.#deps;
    await passwords.remove(em, userId);
    await accessRevocation.revoke(em, act, userId, by);
    await audit.record(em, userLockedByOwner({ ...by, subject: { type: 'user', id: userId } }));
    const user = await readUser(em, userId);
    if (user?.status === 'active') await sendReset(em, user, by);
  }
}
