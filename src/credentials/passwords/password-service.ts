import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { PolicySubject } from '#settings/module.ts';
import { type UserId, User } from '#directory/users/module.ts';
import type { AttemptCounter } from '../attempts.ts';
import { HashRefusal } from '../foreign-hashes/family.ts';
import { verifyForeignHash } from '../foreign-hashes/registry.ts';
import type { HashingQueue } from './hashing-queue.ts';
import { ownCounter } from '../trusted-devices/known-device.ts';
import { passwordRefused } from '../errors.ts';
import { type HashCost, hashPassword, isOutdated, verifyPassword } from './password-hash.ts';
import type { PasswordHistory, StoredHash } from './password-history.ts';
import type { PasswordOwner, PasswordPolicy } from './password-policy.ts';
import type { FieldRules, PasswordProblem } from './password-problem.ts';
import type { AboutUser } from './password-rule.ts';
import { defineEntity, p } from '@mikro-orm/core';

const PasswordCredentialSchema = defineEntity({
  name: 'PasswordCredential',
  tableName: 'password_credential',
  /** Tells every process that keeps users as they are shown (shown-users.ts). */
  triggers: [
    {
      name: 'password_credential_changed',
      timing: 'after',
      events: ['insert', 'delete'],
      forEach: 'row',
      body: `perform pg_notify('latchkey_invalidation', json_build_array('', 'credentials', coalesce(new.user_id, old.user_id))::text); return null`,
    },
  ],
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    /** argon2id in PHC form, or what another system made of the password. */
    hash: p.text(),
    /** The family of a foreign hash (foreign-hashes/registry.ts); null for ours. */
    scheme: p.text().nullable(),
    changedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** The password hash of a user (table `password_credential`). */
export class PasswordCredential extends PasswordCredentialSchema.class {}
PasswordCredentialSchema.setClass(PasswordCredential);

export type PasswordOutcome =
  | { kind: 'verified'; userId: UserId }
  | { kind: 'wrong' }
  | { kind: 'throttled'; until: Date | null };

/** The system that users come from, which may be asked about those who are not known here yet. */
export type OldSystem = {
  isAsked(): boolean;
  /** Null when it does not know the user, or not by this password. */
  verify(identifier: string, password: string): Promise<KnownElsewhere | null>;
};
export type KnownElsewhere = {
  /** Creates the user; `keep` writes the password. Another request may just have created the same user. */
  adopt(keep: (em: EntityManager, userId: UserId) => Promise<void>): Promise<{ userId: UserId; isNew: boolean }>;
};

/** The scheme of a user without a hash here; the old system checks the password. */
export const OLD_SYSTEM = 'old-system';

/** A password that may be set and is hashed: what takes time is done before the transaction. */
type PreparedPassword =
  | { kind: 'refused'; problem: PasswordProblem }
  | { kind: 'prepared'; save(em: EntityManager, userId: UserId): Promise<void> };

export type Tried = { userId: UserId | null; password: string; identifier?: string | undefined };

type Dependencies = {
  clock: Clock;
  database: Database;
  attempts: AttemptCounter;
  queue: HashingQueue;
  policy: PasswordPolicy;
  history: PasswordHistory;
  oldSystem: OldSystem;
  hashCost?: HashCost | undefined;
};

/** Checks and sets passwords. Each check counts a try before it compares. */
export class PasswordService {
  readonly #deps: Dependencies;
  /** The hash for unknown users, so that a miss costs as much as a hit. */
  readonly #decoy: Promise<string>;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    this.#decoy = hashPassword('decoy', dependencies.hashCost);
  }

  /**
   * The one place where a password is checked. `budget` names the counter: the account, an identifier without an account, or the
   * account on a known device. The try is counted before the hash is computed. With `identifier`, an address without an account
   * here is asked about in the old system, where there is one.
   */
  async verify({ budget, ...tried }: Tried & { budget: string }): Promise<PasswordOutcome> {
    const { attempts } = this.#deps;
    const key = counterKey(budget);
    const take = await attempts.take(key);
    if (!take.allowed) return { kind: 'throttled', until: take.until };
    const userId = await this.recognize(tried);
    if (userId === null) return { kind: 'wrong' };
    await attempts.succeed(key);
    return { kind: 'verified', userId };
  }

  /**
   * Compares a password for a counted try. Every path computes one of our hashes, so that the time reveals nothing.
   * `known` is the stored credential of `userId`, if it was read.
   */
  async recognize({ userId, password, identifier }: Tried, known?: StoredHash | null): Promise<UserId | null> {
    const stored = known === undefined ? userId && (await this.#find(userId)) : known;
    if (userId !== null && stored !== null && stored.scheme !== null)
      return (await this.#isRightForeign(userId, stored, { password, identifier })) ? userId : null;
    if (userId === null && identifier !== undefined && this.#deps.oldSystem.isAsked())
      return this.#takeOver(identifier, password);
    const hash = stored?.hash ?? (await this.#decoy);
    const right = await this.#deps.queue.run(() => verifyPassword(hash, password));
    if (!right || stored === null || userId === null) return null;
    if (isOutdated(stored.hash, this.#deps.hashCost)) await this.#replace(userId, stored, await this.hash(password));
    return userId;
  }

  /** Our hash replaces the hash of another system at the first sign-in with the right password. */
  async #isRightForeign(
    userId: UserId,
    stored: StoredHash,
    { password, identifier }: Omit<Tried, 'userId'>,
  ): Promise<boolean> {
    const { queue, oldSystem, hashCost } = this.#deps;
    const isElsewhere = stored.scheme === OLD_SYSTEM;
    const [ours, isRight] = await queue.run(async () => [
      await hashPassword(password, hashCost),
      !isElsewhere && (await isRightIn(stored.hash, password)),
    ]);
    const isKnownElsewhere =
      isElsewhere && identifier !== undefined && (await oldSystem.verify(identifier, password)) !== null;
    if (!isRight && !isKnownElsewhere) return false;
    await this.#replace(userId, stored, ours);
    return true;
  }

  /** Creates a user after the old system accepted the password. */
  async #takeOver(identifier: string, password: string): Promise<UserId | null> {
    const hash = await this.hash(password);
    const known = await this.#deps.oldSystem.verify(identifier, password);
    if (known === null) return null;
    const { userId, isNew } = await known.adopt((em, id) => this.#write(em, id, hash));
    return isNew ? userId : this.recognize({ userId, password });
  }

  /** For the field of a new password of this user. */
  rulesOf(userId: UserId): Promise<FieldRules> {
    return this.#deps.policy.rulesOf(userId);
  }

  /** The same before there is a user. */
  rules(subject: PolicySubject): FieldRules {
    return this.#deps.policy.rules(subject);
  }

  /** Fewest characters of a new password of this user. */
  minimumLengthOf(userId: UserId): Promise<number> {
    return this.#deps.policy.minimumLengthOf(userId);
  }

  /** Why a password may not be set; null when it may. */
  async check(password: string, owner: PasswordOwner): Promise<PasswordProblem | null> {
    return this.#deps.policy.check(password, owner);
  }

  /** Why the password of a new user may not be set, as far as no one else is asked. */
  weakness(password: string, owner: AboutUser): Promise<PasswordProblem | null> {
    return this.#deps.policy.weakness(password, owner);
  }

  /** Checks a new password and hashes it. `save` then writes it; what the old one opened is for the act to end. */
  async prepare(password: string, owner: PasswordOwner): Promise<PreparedPassword> {
    const problem = await this.check(password, owner);
    if (problem !== null) return { kind: 'refused', problem };
    const hash = await this.hash(password);
    return {
      kind: 'prepared',
      save: async (em, userId) => {
        await this.#deps.history.keep(em, userId);
        await this.#write(em, userId, hash);
      },
    };
  }

  /** The same for an operator: throws credentials.password_* when policy refuses the password. */
  async accept(password: string, owner: PasswordOwner): Promise<(em: EntityManager, userId: UserId) => Promise<void>> {
    const prepared = await this.prepare(password, owner);
    if (prepared.kind === 'refused') throw passwordRefused(prepared.problem);
    return prepared.save;
  }

  /** For a new user: stores the result of `hash` for a password that `check` accepted. */
  async adopt(em: EntityManager, userId: UserId, hash: string): Promise<void> {
    await this.#write(em, userId, hash);
  }

  /** Also called for an unknown user, for equal timing. */
  async has(userId: UserId | null): Promise<boolean> {
    const rows = await this.#deps.database.sql('select 1 from password_credential where user_id = $1', [
      userId === null ? NO_USER : toUuid(userId),
    ]);
    return rows.length > 0;
  }

  /** The time of the last change; null without a password. Also called for an unknown user, for equal timing. */
  async findChange(userId: UserId | null): Promise<Date | null> {
    const [row] = await this.#deps.database.sql<{ changed_at: Date }>(
      'select changed_at from password_credential where user_id = $1',
      [userId === null ? NO_USER : toUuid(userId)],
    );
    return row?.changed_at ?? null;
  }

  /** Whether it is still the one of `changedAt`, which stays so until the transaction ends; null for none. */
  async isUnchanged(em: EntityManager, userId: UserId, changedAt: Date | null): Promise<boolean> {
    const at = changedAt === null ? [] : [changedAt];
    const found = await em.execute<unknown[]>(
      `select 1 from password_credential where user_id = ? ${changedAt === null ? '' : 'and changed_at = ?'} for update`,
      [toUuid(userId), ...at],
    );
    return found.length > 0 === (changedAt !== null);
  }

  /** Resets the failures of an account and of this browser: a user who could reset the password may use it. */
  async forgive(em: EntityManager, userId: UserId, deviceSecret: string | undefined): Promise<void> {
    const budgets = deviceSecret === undefined ? [userId] : [userId, ownCounter(userId, deviceSecret)];
    await this.#deps.attempts.forget(em, budgets.map(counterKey));
  }

  /** Forgets the failures of all browsers that the account does not know, and says what they were. */
  async release(em: EntityManager, userId: UserId) {
    return this.#deps.attempts.release(em, counterKey(userId));
  }

  /** Afterwards no password signs this user in. */
  async remove(em: EntityManager, userId: UserId): Promise<void> {
    await em.execute('delete from password_credential where user_id = ?', [toUuid(userId)]);
  }

  /** Our hash of a password that is right already: what the policy says of it is not asked. */
  hash(password: string): Promise<string> {
    return this.#deps.queue.run(() => hashPassword(password, this.#deps.hashCost));
  }

  async #find(userId: UserId): Promise<StoredHash | null> {
    const [row] = await this.#deps.database.sql<StoredHash>(
      'select hash, scheme from password_credential where user_id = $1',
      [toUuid(userId)],
    );
    return row ?? null;
  }

  async #write(em: EntityManager, userId: UserId, hash: string): Promise<void> {
    await em.upsert(PasswordCredential, { userId, hash, scheme: null, changedAt: this.#deps.clock.now() });
  }

  /** Replaces a weaker hash, unless the password changed meanwhile. */
  async #replace(userId: UserId, before: StoredHash, hash: string): Promise<void> {
    await this.#deps.database.sql(
      `update password_credential set hash = $1, scheme = null
       where user_id = $2 and hash = $3 and scheme is not distinct from $4::text`,
      [hash, toUuid(userId), before.hash, before.scheme],
    );
  }
}

/** The key of the counter of wrong passwords for a budget. */
export const counterKey = (budget: string): string => `password:${budget}`;
export const NO_USER = '00000000-0000-0000-0000-000000000000';

/** Whether any of these hashes is of this password. */
export async function isOneOf(hashes: readonly StoredHash[], password: string, queue: HashingQueue): Promise<boolean> {
  for (const { hash, scheme } of hashes) {
    if (scheme === OLD_SYSTEM) continue;
    if (await queue.run(() => (scheme === null ? verifyPassword(hash, password) : isRightIn(hash, password))))
      return true;
  }
  return false;
}

/** An imported hash above the present cost limit is refused. */
async function isRightIn(hash: string, password: string): Promise<boolean> {
  try {
    return await verifyForeignHash(hash, password);
  } catch (error) {
    if (error instanceof HashRefusal) return false;
    throw error;
  }
}
