import type { AuditLog, By } from '#audit/module.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { type KeyRing, sha256, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';
import type { HashingQueue } from '../passwords/hashing-queue.ts';
import type { HashCost } from '../passwords/password-hash.ts';
import type { FactorOutcome, SecondFactorAttempts } from '../second-factors/second-factor-attempts.ts';
import type { TellOwner } from '../second-factors/second-factor-notice.ts';
import { hashRecoveryCode, hashRecoveryCodes, newRecoveryCode, newSalt, readRecoveryCode } from './recovery-code.ts';
import { FEW_RECOVERY_CODES, RECOVERY_CODES } from '../limits.ts';
import { RECOVERY_CODES_SHOWN_FOR } from '../lifetimes.ts';
import { userRecoveryCodeUsed, userRecoveryCodesMade, userRecoveryCodesRemoved } from '../events.ts';

/** The remaining codes of a user. */
export type RecoveryCodesLeft = { left: number; isFew: boolean; createdAt: Date };

/** A user, and the sign-in (its uid) or the session (its id) in which the codes are shown. */
type Shown = { userId: UserId; holder: string };

type NewCodes = { codes: readonly string[]; salt: Buffer; hashes: readonly string[] };

type Dependencies = {
  clock: Clock;
  database: Database;
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
  audit: Pick<AuditLog, 'record'>;
  queue: Pick<HashingQueue, 'run'>;
  attempts: Pick<SecondFactorAttempts, 'guard'>;
  tellOwner: TellOwner;
  hashCost?: HashCost | undefined;
};

/** Codes on paper for when everything else is lost: ten, each good once, and the last way in. */
export class RecoveryCodes {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  async find(userId: UserId): Promise<RecoveryCodesLeft | null> {
    const [row] = await this.#deps.database.sql<{ left: number; created_at: Date }>(
      'select cardinality(hashes) as left, created_at from recovery_codes where user_id = $1',
      [toUuid(userId)],
    );
    return row ? { left: row.left, isFew: row.left <= FEW_RECOVERY_CODES, createdAt: row.created_at } : null;
  }

  /** Makes ten codes; those before are dead. `show` gives them until `saved`. */
  async make(shown: Shown, by: By): Promise<void> {
    const fresh = await this.#newCodes();
    await this.#deps.database.transaction((em) => this.#write(em, shown, fresh, by, 'true'));
  }

  /** Prepares ten codes for a user who has none left: what comes back writes them, and nothing for any other user. */
  async prepareMissing(shown: Shown, by: By): Promise<(em: EntityManager) => Promise<void>> {
    const codes = await this.find(shown.userId);
    if (codes !== null && codes.left > 0) return async () => undefined;
    const fresh = await this.#newCodes();
    return (em) => this.#write(em, shown, fresh, by, 'cardinality(c.hashes) = 0');
  }

  /** The codes that were made here and not yet saved; null when there is nothing to show. */
  async show({ userId, holder }: Shown): Promise<readonly string[] | null> {
    const { clock, database, keyRing } = this.#deps;
    const [row] = await database.sql<{ shown_sealed: string }>(
      'select shown_sealed from recovery_codes where user_id = $1 and shown_to = $2 and shown_until > $3',
      [toUuid(userId), sha256(holder), clock.now()],
    );
    return row ? keyRing.open(row.shown_sealed, sealPlace(userId)).split('\n') : null;
  }

  /** The owner has saved them: from now on they cannot be shown again. */
  async saved({ userId, holder }: Shown): Promise<void> {
    await this.#deps.database.sql(`update recovery_codes set ${FORGOTTEN} where user_id = $1 and shown_to = $2`, [
      toUuid(userId),
      sha256(holder),
    ]);
  }

  /**
   * The one place where a code is checked; it is consumed by the one write that finds it. `act` runs in the transaction of that
   * write: when it throws, the code was not used.
   */
  async verify(
    userId: UserId,
    typed: string,
    { deviceSecret, ...by }: By & { deviceSecret?: string | undefined },
    act: (em: EntityManager) => Promise<unknown> = async () => undefined,
  ): Promise<FactorOutcome> {
    const { database, queue, attempts, hashCost } = this.#deps;
    return attempts.guard(userId, { ...by, deviceSecret }, async () => {
      const code = readRecoveryCode(typed);
      if (code === null) return false;
      const [row] = await database.sql<{ salt: Uint8Array }>('select salt from recovery_codes where user_id = $1', [
        toUuid(userId),
      ]);
      if (!row) return false;
      const hash = await queue.run(() => hashRecoveryCode(code, Buffer.from(row.salt), hashCost));
      return database.transaction((em) => this.#use(em, userId, hash, { by, act }));
    });
  }

  /** Takes all codes away, as an operator; false when there are none. */
  async remove(userId: UserId, by: By): Promise<boolean> {
    const { database, audit, tellOwner } = this.#deps;
    return database.transaction(async (em) => {
      if (!(await this.erase(em, userId))) return false;
      await audit.record(em, userRecoveryCodesRemoved({ ...by, subject: { type: 'user', id: userId } }));
      await tellOwner(em, { kind: 'recovery_codes_removed', userId, visitor: by.visitor });
      return true;
    });
  }

  /** Deletes all codes; false when there were none. */
  async erase(em: EntityManager, userId: UserId): Promise<boolean> {
    const rows = await em.execute<unknown[]>('delete from recovery_codes where user_id = ? returning user_id', [
      toUuid(userId),
    ]);
    return rows.length > 0;
  }

  /** Forgets codes that were shown and never said to be saved; they work on. */
  async purge(batch = 5000): Promise<number> {
    const rows = await this.#deps.database.sql(
      `update recovery_codes set ${FORGOTTEN} where user_id in
         (select user_id from recovery_codes where shown_until < $1 limit $2) returning 1`,
      [this.#deps.clock.now(), batch],
    );
    return rows.length;
  }

  async #newCodes(): Promise<NewCodes> {
    const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
    const salt = newSalt();
    // One turn in the queue for all of them: half of the codes would be no use.
    const hashes = await this.#deps.queue.run(() => hashRecoveryCodes(codes, salt, this.#deps.hashCost));
    return { codes, salt, hashes };
  }

  /** `mayReplace`: when codes that are there (`c`) make room. */
  async #write(
    em: EntityManager,
    { userId, holder }: Shown,
    { codes, salt, hashes }: NewCodes,
    by: By,
    mayReplace: string,
  ): Promise<void> {
    const { clock, keyRing, audit, tellOwner } = this.#deps;
    const written = await em.execute<unknown[]>(
      `insert into recovery_codes as c (user_id, salt, hashes, created_at, shown_sealed, shown_to, shown_until)
       values (?, ?, ?::text[], ?, ?, ?, ?)
       on conflict (user_id) do update set salt = excluded.salt, hashes = excluded.hashes, created_at = excluded.created_at,
         shown_sealed = excluded.shown_sealed, shown_to = excluded.shown_to, shown_until = excluded.shown_until
       where ${mayReplace} returning user_id`,
      [
        toUuid(userId),
        salt,
        `{${hashes.join(',')}}`,
        clock.now(),
        keyRing.seal(codes.join('\n'), sealPlace(userId)),
        sha256(holder),
        fromNow(clock, RECOVERY_CODES_SHOWN_FOR),
      ],
    );
    if (written.length === 0) return;
    await audit.record(em, userRecoveryCodesMade({ ...by, subject: { type: 'user', id: userId } }));
    await tellOwner(em, { kind: 'recovery_codes_made', userId, visitor: by.visitor });
  }

  /** Seals codes that are still shown under the first secret of the ring. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ user_id: string }>(this.#deps, {
      table: 'recovery_codes',
      column: 'shown_sealed',
      key: ['user_id'],
      place: ({ user_id: id }) => sealPlace(fromUuid('usr', id)),
    });
  }

  async #use(
    em: EntityManager,
    userId: UserId,
    hash: string,
    { by, act }: { by: By; act: (em: EntityManager) => Promise<unknown> },
  ): Promise<boolean> {
    const [used] = await em.execute<{ left: number }[]>(
      `update recovery_codes set hashes = array_remove(hashes, ?) where user_id = ? and ? = any(hashes)
       returning cardinality(hashes) as left`,
      [hash, toUuid(userId), hash],
    );
    if (!used) return false;
    // Before the event, which locks the head of its chain: an act that takes proofs away locks the sign-in first, too.
    await act(em);
    await this.#deps.audit.record(
      em,
      userRecoveryCodeUsed({
        ...by,
        subject: { type: 'user', id: userId },
        details: { left: used.left },
      }),
    );
    await this.#deps.tellOwner(em, { kind: 'recovery_code_used', userId, left: used.left, visitor: by.visitor });
    return true;
  }
}

const FORGOTTEN = 'shown_sealed = null, shown_to = null, shown_until = null';
const sealPlace = (userId: UserId) => `recovery_codes.shown_sealed:${userId}`;
