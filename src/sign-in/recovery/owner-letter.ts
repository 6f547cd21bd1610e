import type { By, EventTypeRow } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import { identifierOf, type OwnerNoticeDependencies, tellOwner, type User } from '#directory/users/module.ts';
import { changedLetter } from './recovery-letters.ts';

type Dependencies = OwnerNoticeDependencies & {
  /** Where our pages are. */
  issuer: string;
};

export type TellPasswordChanged = (
  em: EntityManager,
  owner: Pick<User, 'id' | 'email' | 'profile'>,
  about: { type: EventTypeRow; by: By; language: Language | undefined },
) => Promise<void>;

/** Tells the owner of an account that its password is another one, and where to take the account back. */
export function tellPasswordChanged({ issuer, ...deps }: Dependencies): TellPasswordChanged {
  return async (em, owner, { type, by: { visitor }, language }) =>
    tellOwner(deps, em, type, {
      letter: changedLetter,
      kind: 'password_changed',
      owner,
      visitor,
      language,
      context: (act) => ({ email: identifierOf(owner), ...act, url: `${issuer}/recovery` }),
    });
}
