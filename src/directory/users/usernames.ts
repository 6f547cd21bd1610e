import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import { toUuid } from '#kernel/ids.ts';
import { instance, type Policies, type Policy } from '#settings/module.ts';
import {
  usernameInvalid,
  usernameMissing,
  usernameNeeded,
  usernamesOff,
  usernameTaken,
  userNotFound,
} from './errors.ts';
import { userUsernameChanged } from './events.ts';
import type { KnownUsers } from './known-users.ts';
import { usernameError } from './property-fields.ts';
import type { RoleHolders } from './role-holders.ts';
import { readUser, type User, type UserId } from './user.ts';
import { canonicalUsername, newUsername, type Username, type UsernameProblem } from './username.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'users'> | undefined;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
  known?: Pick<KnownUsers, 'changed'> | undefined;
  tellUsernameChanged?: TellUsernameChanged | undefined;
};

/** Tells the owner of the account by mail; the slice account answers. */
export type TellUsernameChanged = (
  em: EntityManager,
  owner: Pick<User, 'id' | 'email' | 'profile'>,
  change: 'set' | 'changed' | 'removed',
  by: By,
) => Promise<void>;

/** The usernames of users, where the settings allow them. */
export class Usernames {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Whether users have usernames, and whether all must. */
  get use(): 'off' | 'optional' | 'required' {
    return this.#deps.policies?.for(instance).users.username ?? 'off';
  }

  /** A typed username as it is stored; null where it is none, and where usernames are off. */
  read(typed: string): string | null {
    return this.use === 'off' ? null : canonicalUsername(typed);
  }

  /** A username that a user is going to have. Throws users.usernames_off, users.username_invalid. */
  accept(typed: string): Username {
    if (this.use === 'off') throw usernamesOff();
    const read = newUsername(typed, this.#deps.policies?.for(instance).users.reservedUsernames);
    if (typeof read === 'string') throw usernameInvalid(read);
    return read;
  }

  /** The reason against other settings, as a sentence; null without one. */
  async objection(em: EntityManager, { username }: Policy<'users'>): Promise<string | null> {
    if (username !== 'off') return null;
    const [row] = await em.execute<{ people: number }[]>(
      'select count(*)::int as people from users where email is null',
    );
    const { people = 0 } = row ?? {};
    if (people === 0) return null;
    const who = people === 1 ? '1 user has' : `${people} users have`;
    return `users.username cannot be off: ${who} no email address and can sign in with the username alone. Give them email addresses first.`;
  }

  /** For a user that an operator adds. Throws users.username_missing where every user needs a username and none is given. */
  requireGiven(typed: string | undefined): void {
    if (typed === undefined && this.use === 'required') throw usernameMissing();
  }

  /**
   * Gives a user another username, as an operator. Throws users.not_found, users.rights_missing, users.username_taken,
   * users.username_invalid, users.usernames_off.
   */
  async change(id: UserId, typed: string, by: By): Promise<string> {
    await this.#deps.roleHolders.requireRightsOver(id, by);
    const name = this.accept(typed);
    await this.#write(id, name, by);
    return name.username;
  }

  /**
   * Takes the username from a user, as an operator. Throws users.not_found, users.rights_missing, users.username_missing,
   * users.username_needed.
   */
  async remove(id: UserId, by: By): Promise<void> {
    if (this.use === 'required') throw usernameMissing();
    await this.#deps.roleHolders.requireRightsOver(id, by);
    await this.#write(id, null, by);
  }

  /**
   * Gives the user who asks another username, or for null none; null when it is done, otherwise what is wrong with the name, as an error of
   * its field. Throws users.not_found, users.usernames_off.
   */
  async changeOwn(id: UserId, typed: string | null, by: By): Promise<string | null> {
    if (typed === null && this.use === 'required') return 'required';
    try {
      await this.writeOwn(id, typed, by);
      return null;
    } catch (error) {
      return usernameFieldError(error);
    }
  }

  /**
   * The same for a program that acts for the user. Throws users.not_found, users.username_taken, users.username_invalid,
   * users.username_missing, users.username_needed, users.usernames_off.
   */
  async writeOwn(id: UserId, typed: string | null, by: By): Promise<void> {
    if (typed === null && this.use === 'required') throw usernameMissing();
    await this.#write(id, typed === null ? null : this.accept(typed), by);
  }

  async #write(id: UserId, name: Username | null, by: By): Promise<void> {
    const { clock, database, audit, known, tellUsernameChanged } = this.#deps;
    await database.transaction(async (em) => {
      const [user] = await em.execute<{ before: string | null; hasEmail: boolean }[]>(
        'select username as before, email is not null as "hasEmail" from users where id = ? for no key update',
        [toUuid(id)],
      );
      if (!user) throw userNotFound();
      const { before } = user;
      if (before === (name?.username ?? null)) return;
      if (name === null && !user.hasEmail) throw usernameNeeded();
      try {
        await em.execute('update users set username = ?, username_skeleton = ?, updated_at = ? where id = ?', [
          name?.username ?? null,
          name?.skeleton ?? null,
          clock.now(),
          toUuid(id),
        ]);
      } catch (error) {
        if (error instanceof UniqueConstraintViolationException) throw usernameTaken();
        throw error;
      }
      const change = name === null ? 'removed' : before === null ? 'set' : 'changed';
      await audit.record(em, userUsernameChanged({ ...by, subject: { type: 'user', id }, details: { change } }));
      const owner = tellUsernameChanged && (await readUser(em, id));
      if (owner) await tellUsernameChanged(em, owner, change, by);
    });
    await known?.changed(id);
  }
}

/** Why a username was refused, as an error of its field. Throws every other error. */
export function usernameFieldError(error: unknown): string {
  if (!(error instanceof AppError)) throw error;
  if (error.code === 'users.username_needed') return 'required';
  if (error.code === 'users.username_taken') return 'username_taken';
  if (error.code !== 'users.username_invalid') throw error;
  return usernameError(error.details?.['problem'] as UsernameProblem);
}
