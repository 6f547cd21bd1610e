import type { By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import { chooseLanguage } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { readUser, type UserId } from '#users/module.ts';
import { changedLetter, type NoticeLetter, noticeLetter } from './contact-letters.ts';

export type NoticeDependencies = { clock: Clock; letters: Pick<Letters, 'send'>; issuer: string };

/** Writes to the owner of an account, in their language, in the transaction of what happened. */
export class ContactNotices {
  readonly #deps: NoticeDependencies;

  constructor(dependencies: NoticeDependencies) {
    this.#deps = dependencies;
  }

  /**
   * To the first address; of one that was removed, to that too. `undoableUntil` says to the latter how long its earlier mail can take
   * back that it lost the first place.
   */
  async tell(
    em: EntityManager,
    userId: UserId,
    {
      kind,
      value,
      by,
      undoableUntil = null,
    }: Pick<NoticeLetter, 'kind' | 'value'> & { by: By; undoableUntil?: Date | null },
  ): Promise<void> {
    const { clock, letters, issuer } = this.#deps;
    const user = await readUser(em, userId);
    if (user === null) return;
    const { email, profile } = user;
    for (const address of kind === 'email_removed' ? [email, value] : [email])
      await letters.send(
        noticeLetter,
        {
          kind,
          to: { address },
          language: chooseLanguage({ uiLocales: profile.locale }),
          context: {
            kind,
            value,
            at: clock.now(),
            ...whereFrom(by),
            undoableUntil: address === value ? undoableUntil : null,
            accountUrl: `${issuer}/account/${kind.startsWith('phone') ? 'phones' : 'emails'}`,
          },
        },
        em,
      );
  }

  /** To the address that was the first one, with the link that takes it back if it has the right to. */
  async tellFormer(
    em: EntityManager,
    userId: UserId,
    { former, to, link, endsAt, by }: { former: string; to: string; link: string | null; endsAt: Date; by: By },
  ): Promise<void> {
    const { clock, letters, issuer } = this.#deps;
    const user = await readUser(em, userId);
    if (user === null) return;
    await letters.send(
      changedLetter,
      {
        kind: 'email_changed',
        to: { address: former },
        language: chooseLanguage({ uiLocales: user.profile.locale }),
        context: {
          to,
          at: clock.now(),
          ...whereFrom(by),
          revertUrl: link === null ? null : `${issuer}/verification/revert?token=${link}`,
          endsAt,
        },
        expiresAt: endsAt,
      },
      em,
    );
  }
}

function whereFrom({ visitor }: By): { device: string | null; ip: string | null } {
  const { browser, system } = deviceName(visitor?.userAgent ?? '');
  return { device: [browser, system].filter((part) => part !== null).join(', ') || null, ip: visitor?.ip ?? null };
}
