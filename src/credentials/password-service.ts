import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Policies } from '#settings/module.ts';
import type { User, UserId } from '#users/module.ts';
import type { AttemptCounter } from './attempts.ts';
import { HashRefusal } from './foreign-hashes/family.ts';
import { verifyForeignHash } from './foreign-hashes/registry.ts';
import type { HashingQueue } from './hashing-queue.ts';
import { PasswordCredential } from './password-credential.ts';
import { hashPassword, isOutdated, verifyPassword } from './password-hash.ts';
import { assertPasswordAllowed } from './password-rules.ts';

export type PasswordOutcome =
  | { kind: 'verified'; userId: UserId }
  | { kind: 'wrong' }
  | { kind: 'throttled'; until: Date | null };

/** The system that people come from, which may be asked about those who are not known here yet. */
export type OldSystem = {
  isAsked(): boolean;
  /** Null when it does not know the person, or not by this password. */
  verify(identifier: string, password: string): Promise<KnownElsewhere | null>;
};
export type KnownElsewhere = {
  /** Makes a person of it; `keep` writes the password. Somebody else may just have done the same. */
  adopt(keep: (em: EntityManager, userId: UserId) => Promise<void>): Promise<{ userId: UserId; isNew: boolean }>;
};

/** The scheme of somebody without a hash here, whose password the old system is asked about. */
export const OLD_SYSTEM = 'old-system';

type Stored = { hash: string; scheme: string | null };
type Tried = { userId: UserId | null; password: string; identifier?: string | undefined };

type Dependencies = {
  clock: Clock;
  database: Database;
  attempts: AttemptCounter;
  queue: HashingQueue;
  policies: () => Pick<Policies, 'password' | 'branding'>;
  /** Takes away what a person held by the old password. */
  changed: (em: EntityManager, userId: UserId) => Promise<unknown>;
  oldSystem: OldSystem;
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
   * account on a known device. The try is counted before the hash is computed. With `identifier`, an address that nobody has
   * here is asked about in the old system, where there is one.
   */
  async verify({ budget, ...tried }: Tried & { budget: string }): Promise<PasswordOutcome> {
    const { attempts } = this.#deps;
    const key = `password:${budget}`;
    const take = await attempts.take(key);
    if (!take.allowed) return { kind: 'throttled', until: take.until };
    const userId = await this.#recognize(tried);
    if (userId === null) return { kind: 'wrong' };
    await attempts.succeed(key);
    return { kind: 'verified', userId };
  }

  /** Whose password it is. Every way computes one hash of ours, so that none is told by its time. */
  async #recognize({ userId, password, identifier }: Tried): Promise<UserId | null> {
    const stored = userId === null ? null : await this.#find(userId);
    if (userId !== null && stored !== null && stored.scheme !== null)
      return (await this.#isRightForeign(userId, stored, { password, identifier })) ? userId : null;
    if (userId === null && identifier !== undefined && this.#deps.oldSystem.isAsked())
      return this.#takeOver(identifier, password);
    const hash = stored?.hash ?? (await this.#decoy);
    const right = await this.#deps.queue.run(() => verifyPassword(hash, password));
    if (!right || stored === null || userId === null) return null;
    if (isOutdated(stored.hash)) await this.#replace(userId, stored, await this.hash(password));
    return userId;
  }

  /** The hash of another system is replaced by ours as soon as somebody types the password it belongs to. */
  async #isRightForeign(
    userId: UserId,
    stored: Stored,
    { password, identifier }: Omit<Tried, 'userId'>,
  ): Promise<boolean> {
    const { queue, oldSystem } = this.#deps;
    const isElsewhere = stored.scheme === OLD_SYSTEM;
    const [ours, isRight] = await queue.run(async () => [
      await hashPassword(password),
      !isElsewhere && (await isRightIn(stored.hash, password)),
    ]);
    const isKnownElsewhere =
      isElsewhere && identifier !== undefined && (await oldSystem.verify(identifier, password)) !== null;
    if (!isRight && !isKnownElsewhere) return false;
    await this.#replace(userId, stored, ours);
    return true;
  }

  /** Makes a person of somebody whom the old system knows by this password. */
  async #takeOver(identifier: string, password: string): Promise<UserId | null> {
    const hash = await this.hash(password);
    const known = await this.#deps.oldSystem.verify(identifier, password);
    if (known === null) return null;
    const { userId, isNew } = await known.adopt((em, id) => this.#write(em, id, hash));
    return isNew ? userId : this.#recognize({ userId, password });
  }

  /** Throws credentials.password_* when the policy refuses the password. */
  async set(em: EntityManager, user: Pick<User, 'id' | 'email' | 'profile'>, password: string): Promise<void> {
    const { password: policy, branding } = this.#deps.policies();
    const about = [branding.name, ...user.email.split(/[@.]/), ...(user.profile.name ?? '').split(/\s+/)];
    await assertPasswordAllowed(password, { minimumLength: policy.minimumLength, about });
    await this.#write(em, user.id, await this.hash(password));
    await this.#deps.changed(em, user.id);
  }

  /** Our hash of a password that is right already: what the policy says of it is not asked. */
  hash(password: string): Promise<string> {
    return this.#deps.queue.run(() => hashPassword(password));
  }

  async #find(userId: UserId): Promise<Stored | null> {
    const [row] = await this.#deps.database.sql<Stored>(
      'select hash, scheme from password_credential where user_id = $1',
      [toUuid(userId)],
    );
    return row ?? null;
  }

  async #write(em: EntityManager, userId: UserId, hash: string): Promise<void> {
    await em.upsert(PasswordCredential, { userId, hash, scheme: null, changedAt: this.#deps.clock.now() });
  }

  /** Replaces a weaker hash, unless the password changed meanwhile. */
  async #replace(userId: UserId, before: Stored, hash: string): Promise<void> {
    await this.#deps.database.sql(
      `update password_credential set hash = $1, scheme = null
       where user_id = $2 and hash = $3 and scheme is not distinct from $4::text`,
      [hash, toUuid(userId), before.hash, before.scheme],
    );
  }
}

/** What was imported once and is dearer than we compute by now is no password. */
async function isRightIn(hash: string, password: string): Promise<boolean> {
  try {
    return await verifyForeignHash(hash, password);
  } catch (error) {
    if (error instanceof HashRefusal) return false;
    throw error;
  }
}
