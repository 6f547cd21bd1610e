import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Policies } from '#settings/module.ts';
import type { User, UserId } from '#users/module.ts';
import type { AttemptCounter } from './attempts.ts';
import type { HashingQueue } from './hashing-queue.ts';
import { PasswordCredential } from './password-credential.ts';
import { hashPassword, isOutdated, verifyPassword } from './password-hash.ts';
import { assertPasswordAllowed } from './password-rules.ts';

export type PasswordOutcome = { kind: 'verified' } | { kind: 'wrong' } | { kind: 'throttled'; until: Date | null };

type Dependencies = {
  clock: Clock;
  database: Database;
  attempts: AttemptCounter;
  queue: HashingQueue;
  policies: () => Pick<Policies, 'password' | 'branding'>;
  /** Takes away what a person held by the old password. */
  changed: (em: EntityManager, userId: UserId) => Promise<unknown>;
};

export class PasswordService {
  readonly #deps: Dependencies;
  /** What a password of nobody is compared with, so that a miss costs what a hit costs. */
  readonly #decoy: Promise<string>;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    this.#decoy = hashPassword('decoy');
  }

  /**
   * The one place where a password is checked. `budget` names the counter: the account, an identifier nobody has, or the
   * account on a known device. The try is counted before the hash is computed.
   */
  async verify({
    userId,
    password,
    budget,
  }: {
    userId: UserId | null;
    password: string;
    budget: string;
  }): Promise<PasswordOutcome> {
    const { attempts, queue } = this.#deps;
    const key = `password:${budget}`;
    const take = await attempts.take(key);
    if (!take.allowed) return { kind: 'throttled', until: take.until };
    const stored = userId === null ? null : await this.#findHash(userId);
    const hash = stored ?? (await this.#decoy);
    const right = await queue.run(() => verifyPassword(hash, password));
    if (!right || stored === null || userId === null) return { kind: 'wrong' };
    await attempts.succeed(key);
    if (isOutdated(stored)) await this.#rehash(userId, stored, password);
    return { kind: 'verified' };
  }

  /** Throws credentials.password_* when the policy refuses the password. */
  async set(em: EntityManager, user: Pick<User, 'id' | 'email' | 'profile'>, password: string): Promise<void> {
    const { password: policy, branding } = this.#deps.policies();
    const about = [branding.name, ...user.email.split(/[@.]/), ...(user.profile.name ?? '').split(/\s+/)];
    await assertPasswordAllowed(password, { minimumLength: policy.minimumLength, about });
    const hash = await this.#deps.queue.run(() => hashPassword(password));
    await em.upsert(PasswordCredential, { userId: user.id, hash, changedAt: this.#deps.clock.now() });
    await this.#deps.changed(em, user.id);
  }

  async #findHash(userId: UserId): Promise<string | null> {
    const [row] = await this.#deps.database.sql<{ hash: string }>(
      'select hash from password_credential where user_id = $1',
      [toUuid(userId)],
    );
    return row?.hash ?? null;
  }

  /** Replaces a hash of weaker parameters, unless the password changed meanwhile. */
  async #rehash(userId: UserId, before: string, password: string): Promise<void> {
    const hash = await this.#deps.queue.run(() => hashPassword(password));
    await this.#deps.database.sql('update password_credential set hash = $1 where user_id = $2 and hash = $3', [
      hash,
      toUuid(userId),
      before,
    ]);
  }
}
