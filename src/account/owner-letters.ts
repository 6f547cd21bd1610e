import type { EventTypeRow, Visitor } from '#audit/module.ts';
import { userPasswordRemoved, userPasswordSet } from '#credentials/events.ts';
import type { EntityManager } from '#kernel/database.ts';
import {
  userClosingCancelled,
  userClosingRequested,
  userErased,
  userUsernameChanged,
} from '#directory/users/events.ts';
import { type OwnerNoticeDependencies, tellOwner, type User } from '#directory/users/module.ts';
import { type ChangeLetter, changeLetter } from './change-letter.ts';
import { userDataDownloaded } from './events.ts';

type Dependencies = OwnerNoticeDependencies & { issuer: string };

const types: Readonly<Record<ChangeLetter['kind'], EventTypeRow>> = {
  password_set: userPasswordSet,
  password_removed: userPasswordRemoved,
  username_set: userUsernameChanged,
  username_changed: userUsernameChanged,
  username_removed: userUsernameChanged,
  data_downloaded: userDataDownloaded,
  closing: userClosingRequested,
  reopened: userClosingCancelled,
  restored: userClosingCancelled,
  closed: userErased,
};

/** Writes to the owner, in their language, what was done on the account page, and what was done to the username. */
export class OwnerLetters {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  async send(
    em: EntityManager,
    owner: Pick<User, 'id' | 'email' | 'profile'>,
    kind: ChangeLetter['kind'],
    { visitor, goesAt = null }: { visitor?: Visitor | undefined; goesAt?: Date | null } = {},
  ): Promise<void> {
    const url =
      kind === 'closed' ? null : `${this.#deps.issuer}/account${kind.startsWith('password') ? '/security' : ''}`;
    await tellOwner(this.#deps, em, types[kind], {
      letter: changeLetter,
      kind: `account_${kind}`,
      owner,
      visitor,
      context: (act) => ({ kind, ...act, goesAt, url }),
    });
  }
}
