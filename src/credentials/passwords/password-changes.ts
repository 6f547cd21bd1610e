import type { AuditLog, By } from '#audit/module.ts';
import { type Clock, SECOND, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { User, UserId } from '#directory/users/module.ts';
import type { KnownDevices } from '../trusted-devices/known-device.ts';
import type { NewPassword, NewPasswords } from './new-passwords.ts';
import { passwordOwner } from './password-policy.ts';
import type { PasswordProblem } from './password-problem.ts';
import type { PasswordService } from './password-service.ts';
import type { WaysIn } from '../ways-in.ts';
import { LONGEST_SHOWN_WAIT } from '../limits.ts';
import { userPasswordChangeFailed } from '../events.ts';

type PasswordChange =
  | { kind: 'changed' }
  | { kind: 'wrong' }
  | { kind: 'throttled'; until: Date; waitSeconds: number }
  | { kind: 'refused'; problem: PasswordProblem };

/** The user of the password, and the session that stays. */
type Owner = { user: User; sessionId: string | null };

type PasswordChangeDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  passwords: Pick<PasswordService, 'verify' | 'prepare' | 'findChange' | 'isUnchanged' | 'remove'>;
  knownDevices: Pick<KnownDevices, 'counterOf'>;
  waysIn: Pick<WaysIn, 'assertOneLeft'>;
  newPasswords: Pick<NewPasswords<'changed' | 'set' | 'removed'>, 'write'>;
  audit: Pick<AuditLog, 'note'>;
};

/** Changes of a user's own password. */
export class PasswordChanges {
  readonly #deps: PasswordChangeDependencies;

  constructor(dependencies: PasswordChangeDependencies) {
    this.#deps = dependencies;
  }

  /** `current` is required from users with a password, and counts like a sign-in try from the same browser. */
  async change(
    owner: Owner,
    given: { current: string; next: string; deviceSecret: string | undefined },
    by: By,
  ): Promise<PasswordChange> {
    const { passwords, knownDevices } = this.#deps;
    const { user } = owner;
    const { id: userId } = user;
    const changedAt = await passwords.findChange(userId);
    if (changedAt !== null) {
      const outcome = await passwords.verify({
        userId,
        password: given.current,
        budget: await knownDevices.counterOf(userId, given.deviceSecret),
      });
      if (outcome.kind !== 'verified') await this.#noteFailure(userId, outcome.kind, by);
      if (outcome.kind === 'wrong') return outcome;
      if (outcome.kind === 'throttled') return this.#throttled(outcome.until);
    }
    const prepared = await passwords.prepare(given.next, passwordOwner(user));
    if (prepared.kind === 'refused') return prepared;
    const act = changedAt === null ? 'set' : 'changed';
    return this.#deps.database.transaction(async (em) => {
      // Hashing takes long enough for the owner to reset the password that an intruder has just typed.
      if (!(await passwords.isUnchanged(em, userId, changedAt))) return { kind: 'wrong' };
      await this.#write(em, owner, { act, save: prepared.save, by });
      return { kind: 'changed' };
    });
  }

  /** Throws credentials.last_way_in when the user could no longer sign in. */
  async remove(owner: Owner, by: By): Promise<void> {
    const { database, passwords, waysIn } = this.#deps;
    const save = async (em: EntityManager, userId: UserId): Promise<void> => {
      await passwords.remove(em, userId);
      await waysIn.assertOneLeft(em, userId);
    };
    await database.transaction((em) => this.#write(em, owner, { act: 'removed', save, by }));
  }

  async #write(
    em: EntityManager,
    { user, sessionId: session }: Owner,
    change: Pick<NewPassword<'changed' | 'set' | 'removed'>, 'act' | 'save' | 'by'>,
  ): Promise<void> {
    await this.#deps.newPasswords.write(em, { user, ...change, deviceSecret: undefined, keep: { session } });
  }

  async #noteFailure(userId: UserId, reason: 'wrong' | 'throttled', by: By): Promise<void> {
    await this.#deps.audit.note(
      userPasswordChangeFailed({
        ...by,
        subject: { type: 'user', id: userId },
        outcome: 'failure',
        details: { reason },
      }),
    );
  }

  #throttled(until: Date | null): PasswordChange {
    const { clock } = this.#deps;
    const end = until ?? fromNow(clock, LONGEST_SHOWN_WAIT);
    const waitSeconds = Math.max(1, Math.ceil((end.getTime() - clock.now().getTime()) / SECOND));
    return { kind: 'throttled', until: end, waitSeconds };
  }
}
