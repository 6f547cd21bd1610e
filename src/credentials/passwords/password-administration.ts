import { randomInt } from 'node:crypto';
import type { AuditLog, By } from '#audit/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { lockUser, type ManagedUsers, type PasswordDemands, type User, type UserId } from '#directory/users/module.ts';
import type { UserService } from '#directory/users/module.ts';
import type { Released } from '../attempts.ts';
import { passwordRefused } from '../errors.ts';
import { userUnlocked } from '../events.ts';
import type { SecondFactorAttempts } from '../second-factors/second-factor-attempts.ts';
import type { NewPasswords } from './new-passwords.ts';
import { passwordOwner } from './password-policy.ts';
import type { PasswordService } from './password-service.ts';

type Dependencies = {
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  users: Pick<UserService, 'findById'>;
  managed: Pick<ManagedUsers, 'requireChangeable'>;
  passwords: Pick<PasswordService, 'minimumLengthOf' | 'prepare' | 'release'>;
  newPasswords: Pick<NewPasswords<'temporary'>, 'write'>;
  passwordDemands: Pick<PasswordDemands, 'demandIn'>;
  secondFactorAttempts: Pick<SecondFactorAttempts, 'release'>;
};

/** A counter of wrong tries that began again. */
type Unlocked = Released & { what: 'password' | 'second_factor' | 'second_factor_in_known_browsers' };

/** Letters and digits that do not look alike. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
const GROUP = 5;
/** 100 bits, which no one guesses. */
const LEAST_GROUPS = 4;
/** A random text can contain a word that the policy refuses. */
const TRIES = 5;

/** Passwords as operators manage them: they never choose one. */
export class PasswordAdministration {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * Gives the user a new password, which the next sign-in replaces. Throws users.not_found, users.rights_missing, and
   * credentials.password_* where the policy takes no random text.
   */
  async setTemporary(id: UserId, by: By): Promise<string> {
    const { database, managed, newPasswords, passwordDemands } = this.#deps;
    await managed.requireChangeable(id, by);
    const user = await this.#deps.users.findById(id);
    if (user === null) throw userNotFound();
    const { password, save } = await this.#prepare(user);
    await database.transaction(async (em) => {
      if ((await lockUser(em, id)) === null) throw userNotFound();
      await newPasswords.write(em, { user, act: 'temporary', save, by, deviceSecret: undefined });
      await passwordDemands.demandIn(em, id, by);
    });
    return password;
  }

  async #prepare(user: User): Promise<{ password: string; save(em: EntityManager, userId: UserId): Promise<void> }> {
    const { passwords } = this.#deps;
    const groups = Math.max(LEAST_GROUPS, Math.ceil((await passwords.minimumLengthOf(user.id)) / GROUP));
    for (let tries = 1; ; tries++) {
      const password = randomText(groups);
      const prepared = await passwords.prepare(password, passwordOwner(user));
      if (prepared.kind === 'prepared') return { password, save: prepared.save };
      if (tries === TRIES) throw passwordRefused(prepared.problem);
    }
  }

  /**
   * Lets a user try again whose wrong passwords or codes are used up, and says which counters began again. Throws users.not_found,
   * users.rights_missing.
   */
  async unlock(id: UserId, by: By): Promise<readonly Unlocked[]> {
    const { audit, database, managed, passwords, secondFactorAttempts } = this.#deps;
    await managed.requireChangeable(id, by);
    return database.transaction(async (em) => {
      const password = await passwords.release(em, id);
      const { unknown, known } = await secondFactorAttempts.release(em, id);
      const released = [
        ...(password ? [{ what: 'password' as const, ...password }] : []),
        ...(unknown ? [{ what: 'second_factor' as const, ...unknown }] : []),
        ...(known ? [{ what: 'second_factor_in_known_browsers' as const, ...known }] : []),
      ];
      const details = { released: released.map(({ what }) => what) };
      await audit.record(em, userUnlocked({ ...by, subject: { type: 'user', id }, details }));
      return released;
    });
  }
}

const randomText = (groups: number): string =>
  Array.from({ length: groups }, () =>
    Array.from({ length: GROUP }, () => ALPHABET[randomInt(ALPHABET.length)]).join(''),
  ).join('-');
