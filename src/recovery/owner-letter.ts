import type { By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import { chooseLanguage, type Language } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import type { User } from '#users/module.ts';
import { changedLetter } from './recovery-letters.ts';

type Dependencies = {
  clock: Clock;
  /** Where our pages are. */
  origin: string;
  letters: Pick<Letters, 'send'>;
};

/** Says to the owner of an account that its password is another one. */
export async function tellOwner(
  { clock, origin, letters }: Dependencies,
  em: EntityManager,
  { email, profile }: Pick<User, 'email' | 'profile'>,
  { by: { visitor }, language }: { by: By; language: Language | undefined },
): Promise<void> {
  const { browser, system } = deviceName(visitor?.userAgent ?? '');
  await letters.send(
    changedLetter,
    {
      kind: 'password_changed',
      to: { address: email },
      language: chooseLanguage({ uiLocales: profile.locale, remembered: language }),
      context: {
        email,
        at: clock.now(),
        device: [browser, system].filter((part) => part !== null).join(', ') || null,
        ip: visitor?.ip ?? null,
        url: `${origin}/recovery`,
      },
    },
    em,
  );
}
