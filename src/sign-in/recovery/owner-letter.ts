import type { By, EventTypeRow } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { identifierOf, tellOwner, type User } from '#directory/users/module.ts';
import { changedLetter } from './recovery-letters.ts';

type Dependencies = {
  clock: Clock;
  /** Where our pages are. */
  issuer: string;
  letters: Pick<Letters, 'send'>;
};

export type TellPasswordChanged = (
  em: EntityManager,
  owner: Pick<User, 'email' | 'profile'>,
  about: { type: EventTypeRow; by: By; language: Language | undefined },
) => Promise<void>;

/** Tells the owner of an account that its password is another one, and where to take the account back. */
export function tellPasswordChanged({ clock, issuer, letters }: Dependencies): TellPasswordChanged {
  return async (em, owner, { type, by: { visitor }, language }) =>
    tellOwner({ clock, letters }, em, type, {
      letter: changedLetter,
      kind: 'password_changed',
      owner,
      visitor,
      language,
      context: ({ at, device, ip }) => ({ email: identifierOf(owner), at, device, ip, url: `${issuer}/recovery` }),
    });
}
