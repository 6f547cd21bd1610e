import type { AuditLog, By } from '#audit/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { ContactId } from './contact.ts';
import type { ContactService } from './contact-service.ts';
import type { UserId } from '#directory/users/module.ts';
import { userPhoneChanged, userPhoneRemoved } from './events.ts';
import type { ContactNotices } from './notices.ts';

export type PhoneChangeDependencies = {
  database: Pick<Database, 'transaction'>;
  contacts: Pick<ContactService, 'add' | 'remove' | 'replacePhone' | 'removeFirstPhone'>;
  notices: Pick<ContactNotices, 'tell'>;
  audit: Pick<AuditLog, 'record'>;
};

const types = { phone_changed: userPhoneChanged, phone_removed: userPhoneRemoved };

/** The phone numbers of a user and the primary one. The owner is notified of each change. */
export class PhoneChanges {
  readonly #deps: PhoneChangeDependencies;

  constructor(dependencies: PhoneChangeDependencies) {
    this.#deps = dependencies;
  }

  /** Until it is proved, a number is good for nothing, and there is nothing to tell. */
  async add(userId: UserId, number: string): ReturnType<ContactService['add']> {
    const { database, contacts } = this.#deps;
    return database.transaction((em) => contacts.add(em, userId, { kind: 'phone', value: number }));
  }

  /** False when there is no proven number with this id. */
  async makeFirst(userId: UserId, id: ContactId, by: By): Promise<boolean> {
    return this.#deps.database.transaction((em) => this.putFirst(em, { userId, by }, id));
  }

  /** The same as part of an act. */
  async putFirst(em: EntityManager, { userId, by }: { userId: UserId; by: By }, id: ContactId): Promise<boolean> {
    const value = await this.#deps.contacts.replacePhone(em, userId, id);
    if (value !== null) await this.#tell(em, userId, { kind: 'phone_changed', value, by });
    return value !== null;
  }

  /** Without an id, the first number; it stays while another proven one could take its place. False when nothing went. */
  async remove(userId: UserId, id: ContactId | null, by: By): Promise<boolean> {
    const { database, contacts } = this.#deps;
    return database.transaction(async (em) => {
      const value =
        id === null
          ? await contacts.removeFirstPhone(em, userId)
          : ((await contacts.remove(em, userId, 'phone', id))?.value ?? null);
      if (value !== null) await this.#tell(em, userId, { kind: 'phone_removed', value, by });
      return value !== null;
    });
  }

  async #tell(
    em: EntityManager,
    userId: UserId,
    { kind, value, by }: { kind: keyof typeof types; value: string; by: By },
  ): Promise<void> {
    const { audit, notices } = this.#deps;
    const details = { phone_number: value };
    await audit.record(em, types[kind]({ ...by, subject: { type: 'user', id: userId }, details }));
    await notices.tell(em, userId, { kind, value, by });
  }
}
