import type { Visitor } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import { chooseLanguage } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import type { User } from '#users/module.ts';
import { type ChangeLetter, changeLetter } from './change-letter.ts';

type Dependencies = { clock: Clock; issuer: string; letters: Pick<Letters, 'send'> };

/** Writes to the owner, in their language, what was done on the account page. */
export class OwnerLetters {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  async send(
    em: EntityManager,
    user: Pick<User, 'email' | 'profile'>,
    kind: ChangeLetter['kind'],
    { visitor, goesAt = null }: { visitor?: Visitor | undefined; goesAt?: Date | null } = {},
  ): Promise<void> {
    const { clock, issuer, letters } = this.#deps;
    const { browser, system } = deviceName(visitor?.userAgent ?? '');
    await letters.send(
      changeLetter,
      {
        kind: `account_${kind}`,
        to: { address: user.email },
        language: chooseLanguage({ uiLocales: user.profile.locale }),
        context: {
          kind,
          at: clock.now(),
          goesAt,
          device: [browser, system].filter((part) => part !== null).join(', ') || null,
          ip: visitor?.ip ?? null,
          url: kind === 'closed' ? null : `${issuer}/account${kind.startsWith('password') ? '/security' : ''}`,
        },
      },
      em,
    );
  }
}
