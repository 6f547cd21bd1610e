import type { AuditLog, By } from '#audit/module.ts';
import { type Clock, MINUTE, SECOND, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { KnownDevices, PasswordProblem, PasswordService, WaysIn } from '#credentials/module.ts';
import type { SignedInPerson } from '#sessions/module.ts';
import type { AccessRevocation, PasswordDemands } from '#users/module.ts';
import type { OwnerLetters } from './owner-letters.ts';

type PasswordChange =
  | { kind: 'changed' }
  | { kind: 'wrong' }
  | { kind: 'throttled'; until: Date; waitSeconds: number }
  | { kind: 'refused'; problem: PasswordProblem };

type Person = Pick<SignedInPerson, 'userId' | 'user' | 'sessionId'>;

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  passwords: Pick<PasswordService, 'verify' | 'prepare' | 'has' | 'remove'>;
  knownDevices: Pick<KnownDevices, 'counterOf'>;
  waysIn: Pick<WaysIn, 'assertOneLeft'>;
  demands: Pick<PasswordDemands, 'settle'>;
  access: AccessRevocation<'password changed on the account page'>;
  letters: Pick<OwnerLetters, 'send'>;
  audit: Pick<AuditLog, 'record' | 'note'>;
};

/** A password that stays refused until it is reset shows this wait. */
const LONGEST_WAIT = 15 * MINUTE;

/** What people do with their own password. Each ends the sessions in other browsers, and tells the owner. */
export class PasswordChanges {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** `current` is asked of everybody who has one, and counted like a try to sign in from the same browser. */
  async change(
    person: Person,
    given: { current: string; next: string; deviceSecret: string | undefined },
    by: By,
  ): Promise<PasswordChange> {
    const { passwords, knownDevices } = this.#deps;
    const { userId, user } = person;
    const hadOne = await passwords.has(userId);
    if (hadOne) {
      const outcome = await passwords.verify({
        userId,
        password: given.current,
        budget: await knownDevices.counterOf(userId, given.deviceSecret),
      });
      if (outcome.kind !== 'verified') await this.#noteFailure(person, outcome.kind, by);
      if (outcome.kind === 'wrong') return outcome;
      if (outcome.kind === 'throttled') return this.#throttled(outcome.until);
    }
    const prepared = await passwords.prepare(given.next, { userId, email: user.email, name: user.profile.name });
    if (prepared.kind === 'refused') return prepared;
    await this.#act(person, hadOne ? 'password_changed' : 'password_set', by, (em) => prepared.save(em, userId));
    return { kind: 'changed' };
  }

  /** Throws credentials.last_way_in when nobody could sign in any more. */
  async remove(person: Person, by: By): Promise<void> {
    const { passwords, waysIn } = this.#deps;
    await this.#act(person, 'password_removed', by, async (em) => {
      await passwords.remove(em, person.userId);
      await waysIn.assertOneLeft(em, person.userId);
    });
  }

  async #act(
    { userId, user, sessionId }: Person,
    kind: 'password_changed' | 'password_set' | 'password_removed',
    by: By,
    write: (em: EntityManager) => Promise<void>,
  ): Promise<void> {
    const { database, access, demands, letters, audit } = this.#deps;
    await database.transaction(async (em) => {
      await write(em);
      await access.revoke(em, 'password changed on the account page', userId, by, { keep: { session: sessionId } });
      await demands.settle(em, userId);
      await letters.send(em, user, kind, by);
      await audit.record(em, { type: `user.${kind}`, ...by, subject: { type: 'user', id: userId } });
    });
  }

  async #noteFailure({ userId }: Person, reason: 'wrong' | 'throttled', by: By): Promise<void> {
    await this.#deps.audit.note({
      type: 'user.password_change_failed',
      ...by,
      subject: { type: 'user', id: userId },
      outcome: 'failure',
      details: { reason },
    });
  }

  #throttled(until: Date | null): PasswordChange {
    const { clock } = this.#deps;
    const end = until ?? fromNow(clock, LONGEST_WAIT);
    const waitSeconds = Math.max(1, Math.ceil((end.getTime() - clock.now().getTime()) / SECOND));
    return { kind: 'throttled', until: end, waitSeconds };
  }
}
