import { type AuditLog, type By, byUser } from '#audit/module.ts';
import { forgetProofs, type OneTimeSecrets, type UndoRights } from '#credentials/module.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { type AccessRevocation, readUser, UNDO_WINDOW, type User, type UserId } from '#directory/users/module.ts';
import { emailTaken } from '#directory/users/errors.ts';
import type { ContactId } from './contact.ts';
import type { ContactService } from './contact-service.ts';
import type { ContactNotices } from './notices.ts';
import type { Asker, ProofOutcome } from './email-proofs.ts';
import { userEmailReverted } from '#directory/users/events.ts';
import { userEmailChanged, userEmailRemoved } from './events.ts';

type Person = Pick<Asker, 'userId' | 'by'>;

export type ChangeDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  contacts: Pick<ContactService, 'add' | 'replaceEmail' | 'removeSince' | 'remove' | 'find'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'verifyCode' | 'consumeLink'>;
  undoRights: Pick<UndoRights, 'find' | 'use' | 'grant' | 'undoableUntil' | 'cleanUp'>;
  notices: Pick<ContactNotices, 'tell' | 'tellFormer'>;
  audit: Pick<AuditLog, 'record'>;
  accessRevocation: AccessRevocation<'primary email address changed' | 'primary email address taken back'>;
  /** Mails the link that sets a new password. */
  sendReset(em: EntityManager, user: User, by: By): Promise<void>;
};

/** The change of the primary email address, and its undo. The old address is notified, and can undo the change while it is reserved. */
export class EmailChanges {
  readonly #deps: ChangeDependencies;

  constructor(dependencies: ChangeDependencies) {
    this.#deps = dependencies;
  }

  /** Until it is proved, an address is good for nothing, and there is nothing to tell. */
  async add(userId: UserId, email: string): ReturnType<ContactService['add']> {
    const { database, contacts } = this.#deps;
    return database.transaction((em) => contacts.add(em, userId, { kind: 'email', value: email }));
  }

  /** The new mailbox was proved by its code; the old address is given up. */
  async confirmByCode(person: Person & Pick<Asker, 'browser'>, code: string): Promise<ProofOutcome> {
    try {
      const outcome = await this.#deps.oneTimeSecrets.verifyCode(
        { purpose: 'change_email', holder: { userId: person.userId }, code, browser: person.browser },
        async (em, { address }) => this.#replace(em, person, { value: address, old: 'reserve' }),
      );
      return outcome.kind === 'verified' ? 'confirmed' : outcome.kind;
    } catch (error) {
      if (error instanceof Impossible) return 'wrong';
      throw error;
    }
  }

  async confirmByLink(person: Person, link: string): Promise<ProofOutcome> {
    const { database, oneTimeSecrets } = this.#deps;
    return this.#attempt(() =>
      database.transaction(async (em) => {
        const secret = await oneTimeSecrets.consumeLink(em, { purpose: 'change_email', link });
        if (secret?.userId !== person.userId) throw new Impossible();
        await this.#replace(em, person, { value: secret.address, old: 'reserve' });
      }),
    );
  }

  /** A additional address that was proved before takes the first place; the old one stays. False when there is none. */
  async makeFirst(person: Person, id: ContactId): Promise<boolean> {
    const { database, contacts } = this.#deps;
    const chosen = await contacts.find(person.userId, 'email', id);
    if (!chosen?.isVerified) return false;
    const outcome = await this.#attempt(() =>
      database.transaction((em) => this.#replace(em, person, { value: chosen.value, old: 'keep' })),
    );
    return outcome === 'confirmed';
  }

  /** The same for an operator, as part of an act. Throws users.email_taken. */
  async putFirst(em: EntityManager, person: Person, address: string): Promise<void> {
    try {
      await this.#replace(em, person, { value: address, old: 'keep' });
    } catch (error) {
      throw error instanceof Impossible ? emailTaken() : error;
    }
  }

  /**
   * A additional address leaves the account, and with it every link that was mailed to it. One that lost the first place lately is
   * kept from others instead, and keeps its link back: an intruder must not take that away from the owner. False when there is none.
   */
  async remove({ userId, by }: Person, id: ContactId): Promise<boolean> {
    const { database, contacts, undoRights, notices, audit } = this.#deps;
    const chosen = await contacts.find(userId, 'email', id);
    return database.transaction(async (em) => {
      const undoableUntil = chosen && (await undoRights.undoableUntil(em, userId, chosen.value));
      const removed = await contacts.remove(em, userId, 'email', id, undoableUntil);
      // An unverified address had no effect: no notice is needed.
      if (!removed?.isVerified) return removed !== null;
      const { value } = removed;
      const subject = { type: 'user', id: userId };
      await audit.record(em, userEmailRemoved({ ...by, subject, details: { email: value } }));
      await notices.tell(em, userId, { kind: 'email_removed', value, by, undoableUntil });
      return true;
    });
  }

  /** The address that a link brings back; it is not consumed. */
  async findRevert(link: string): Promise<string | null> {
    return (await this.#deps.undoRights.find('revert_email', link))?.address ?? null;
  }

  /**
   * The old address becomes primary again, and an intruder loses access: sessions, password, all additions since
   * shortly before the change, every open link. Null when the link is dead.
   */
  async revert(link: string, { visitor }: By): Promise<string | null> {
    const { database, contacts, undoRights, accessRevocation, sendReset, audit } = this.#deps;
    let reverted: string | null = null;
    const outcome = await this.#attempt(() =>
      database.transaction(async (em) => {
        const undo = await undoRights.use(em, 'revert_email', link);
        if (!undo) throw new Impossible();
        const { userId, address, at, period } = undo;
        const by = byUser(userId, visitor);
        const former = await contacts.replaceEmail(em, userId, { value: address, old: 'keep' });
        if (former === 'taken') throw new Impossible();
        await contacts.removeSince(em, userId, period, at);
        await forgetProofs(em, userId, period);
        await undoRights.cleanUp(em, userId, { by: address, began: at, undid: { from: at, until: period.until } });
        await accessRevocation.revoke(em, 'primary email address taken back', userId, by);
        await audit.record(
          em,
          userEmailReverted({
            ...by,
            subject: { type: 'user', id: userId },
            details: { before: former.value, after: address },
          }),
        );
        const user = await readUser(em, userId);
        if (user?.status === 'active') await sendReset(em, user, by);
        reverted = address;
      }),
    );
    return outcome === 'confirmed' ? reverted : null;
  }

  async #replace(
    em: EntityManager,
    { userId, by }: Person,
    change: { value: string; old: 'keep' | 'reserve' },
  ): Promise<void> {
    const { clock, contacts, accessRevocation, undoRights, notices, audit } = this.#deps;
    // Codes and links sent to the old mailbox are invalid now.
    await accessRevocation.revoke(em, 'primary email address changed', userId, by);
    const former = await contacts.replaceEmail(em, userId, change);
    if (former === 'taken') throw new Impossible();
    await audit.record(
      em,
      userEmailChanged({
        ...by,
        subject: { type: 'user', id: userId },
        details: { before: former.value, after: change.value },
      }),
    );
    // An unverified address has no owner who could undo the change.
    if (!former.isVerified) return;
    await notices.tellFormer(em, userId, {
      former: former.value,
      to: change.value,
      link: await undoRights.grant(em, userId, former),
      endsAt: fromNow(clock, UNDO_WINDOW),
      by,
    });
  }

  async #attempt(work: () => Promise<void>): Promise<'confirmed' | 'wrong'> {
    try {
      await work();
      return 'confirmed';
    } catch (error) {
      if (error instanceof Impossible) return 'wrong';
      throw error;
    }
  }
}

/** Undoes the transaction: nothing was consumed. */
class Impossible extends Error {}
