import type { By, EventTypeRow } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { type OwnerNoticeDependencies, readUser, tellOwner, type UserId } from '#directory/users/module.ts';
import { changedLetter, type NoticeLetter, noticeLetter } from './contact-letters.ts';
import {
  userEmailAdded,
  userEmailChanged,
  userEmailRemoved,
  userPhoneAdded,
  userPhoneChanged,
  userPhoneRemoved,
} from './events.ts';

export type NoticeDependencies = OwnerNoticeDependencies & { issuer: string };

const types: Readonly<Record<NoticeLetter['kind'], EventTypeRow>> = {
  email_added: userEmailAdded,
  email_removed: userEmailRemoved,
  phone_added: userPhoneAdded,
  phone_removed: userPhoneRemoved,
  phone_changed: userPhoneChanged,
};

/** Writes to the owner of an account, in their language, in the transaction of what happened. */
export class ContactNotices {
  readonly #deps: NoticeDependencies;

  constructor(dependencies: NoticeDependencies) {
    this.#deps = dependencies;
  }

  /**
   * To the primary email address; of one that was removed, to that too. `undoableUntil` says to the latter how long its earlier mail can take
   * back that it lost the first place.
   */
  async tell(
    em: EntityManager,
    userId: UserId,
    {
      kind,
      value,
      by: { visitor },
      undoableUntil = null,
    }: Pick<NoticeLetter, 'kind' | 'value'> & { by: By; undoableUntil?: Date | null },
  ): Promise<void> {
    const owner = await readUser(em, userId);
    if (owner === null) return;
    const accountUrl = `${this.#deps.issuer}/account/${kind.startsWith('phone') ? 'phones' : 'emails'}`;
    for (const address of new Set([owner.email, ...(kind === 'email_removed' ? [value] : [])]))
      await tellOwner(this.#deps, em, types[kind], {
        letter: noticeLetter,
        kind,
        owner,
        address,
        visitor,
        context: (act) => ({
          kind,
          value,
          ...act,
          undoableUntil: address === value ? undoableUntil : null,
          accountUrl,
        }),
      });
  }

  /** To the address that was the first one, with the link that takes it back if it has the right to. */
  async tellFormer(
    em: EntityManager,
    userId: UserId,
    {
      former,
      to,
      link,
      endsAt,
      by: { visitor },
    }: { former: string; to: string; link: string | null; endsAt: Date; by: By },
  ): Promise<void> {
    const owner = await readUser(em, userId);
    if (owner === null) return;
    const revertUrl = link === null ? null : `${this.#deps.issuer}/verification/revert?token=${link}`;
    await tellOwner(this.#deps, em, userEmailChanged, {
      letter: changedLetter,
      kind: 'email_changed',
      owner,
      address: former,
      visitor,
      expiresAt: endsAt,
      context: (act) => ({ to, ...act, revertUrl, endsAt }),
    });
  }
}
