import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { UserPolicies } from '#settings/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { FactorOutcome, SecondFactorAttempts } from '../second-factors/second-factor-attempts.ts';
import type { SecondFactorDemand } from '../second-factors/second-factor-demand.ts';
import type { FactorEndings, TellOwner } from '../second-factors/second-factor-notice.ts';
import { matchingStep, totpImport, type TotpAlgorithm, type TotpImport, type TotpSecret } from './totp-secret.ts';
import { userTotpRemoved } from '../events.ts';

/** An authenticator app as its owner sees it. */
export type Totp = { name: string; digits: number; createdAt: Date; usedAt: Date | null };

type Row = {
  name: string;
  sealed: string;
  algorithm: TotpAlgorithm;
  digits: number;
  period: number;
  created_at: Date;
  used_at: Date | null;
};

type Dependencies = {
  clock: Clock;
  database: Database;
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
  audit: Pick<AuditLog, 'record'>;
  attempts: Pick<SecondFactorAttempts, 'guard'>;
  demand: Pick<SecondFactorDemand, 'assertOneLeft'>;
  accessRevocation: FactorEndings;
  tellOwner: TellOwner;
  policies: UserPolicies<'mfa'>;
};

/** Nothing was accepted yet. */
const NO_STEP = 0;

/** Codes of authenticator apps (RFC 6238): one app a user, each code good once. */
export class TotpService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  async find(userId: UserId): Promise<Totp | null> {
    const row = await this.#row(userId);
    if (!row) return null;
    return {
      name: row.name,
      digits: row.digits,
      createdAt: row.created_at,
      usedAt: row.used_at,
    };
  }

  /**
   * The one place where a code is checked. A code, and every one before it, is refused once it was accepted (RFC 6238 §5.2).
   * `act` runs in the transaction that accepts it: when it throws, the code was not accepted.
   */
  async verify(
    userId: UserId,
    code: string,
    by: By & { deviceSecret?: string | undefined },
    act: (em: EntityManager) => Promise<unknown> = async () => undefined,
  ): Promise<FactorOutcome> {
    return this.#deps.attempts.guard(userId, by, async () => {
      const row = await this.#row(userId);
      if (!row) return false;
      const { clock, database, keyRing, policies } = this.#deps;
      const secret = keyRing.open(row.sealed, sealPlace(userId));
      const window = (await policies.ofUser(userId)).mfa.totpWindow;
      const step = matchingStep({ ...row, secret }, code, { clock, window });
      if (step === null) return false;
      // Also of the same secret still: an app that was replaced meanwhile proves nothing.
      return database.transaction(async (em) => {
        const accepted = await em.execute<unknown[]>(
          'update totp_credential set last_step = ?, used_at = ? where user_id = ? and last_step < ? and sealed = ? returning 1',
          [step, clock.now(), toUuid(userId), step, row.sealed],
        );
        if (accepted.length > 0) await act(em);
        return accepted.length > 0;
      });
    });
  }

  /** Takes the app away; false when there is none. Throws credentials.last_factor where one is demanded. */
  async remove(userId: UserId, by: By): Promise<boolean> {
    const { database, audit, demand, accessRevocation, tellOwner } = this.#deps;
    return database.transaction(async (em) => {
      const name = await this.erase(em, userId);
      if (name === null) return false;
      await demand.assertOneLeft(em, userId);
      await accessRevocation.revoke(em, 'passkey or authenticator app removed', userId, by);
      await audit.record(
        em,
        userTotpRemoved({
          ...by,
          subject: { type: 'user', id: userId },
          details: { name },
        }),
      );
      await tellOwner(em, { kind: 'totp_removed', userId, name, visitor: by.visitor });
      return true;
    });
  }

  /** Replaces the app of a user. The caller handles the consequences for the user. */
  async save(
    em: EntityManager,
    userId: UserId,
    { secret, algorithm, digits, period, name, lastStep }: TotpSecret & { name: string; lastStep: number },
  ): Promise<void> {
    const { clock, keyRing } = this.#deps;
    await em.execute(
      `insert into totp_credential (user_id, name, sealed, algorithm, digits, period, last_step, created_at, used_at)
       values (?, ?, ?, ?, ?, ?, ?, ?, null)
       on conflict (user_id) do update set name = excluded.name, sealed = excluded.sealed, algorithm = excluded.algorithm,
         digits = excluded.digits, period = excluded.period, last_step = excluded.last_step,
         created_at = excluded.created_at, used_at = null`,
      [toUuid(userId), name, keyRing.seal(secret, sealPlace(userId)), algorithm, digits, period, lastStep, clock.now()],
    );
  }

  /** Deletes the row; answers with its name, null when there is none. */
  async erase(em: EntityManager, userId: UserId): Promise<string | null> {
    const [row] = await em.execute<{ name: string }[]>('delete from totp_credential where user_id = ? returning name', [
      toUuid(userId),
    ]);
    return row?.name ?? null;
  }

  /** A secret that a user brings from another product. Throws a ZodError when it is none. */
  async import(em: EntityManager, userId: UserId, given: TotpImport): Promise<void> {
    await this.save(em, userId, { ...totpImport.parse(given), lastStep: NO_STEP });
  }

  /** Which of these users have an app. */
  async among(em: EntityManager, ids: readonly UserId[]): Promise<Set<UserId>> {
    if (ids.length === 0) return new Set();
    const rows = await em.execute<{ user_id: string }[]>(
      'select user_id from totp_credential where user_id in (select jsonb_array_elements_text(?::jsonb)::uuid)',
      [JSON.stringify(ids.map(toUuid))],
    );
    return new Set(rows.map(({ user_id: id }) => fromUuid('usr', id)));
  }

  /** The secrets themselves, for an operator who takes users elsewhere. */
  async secretsOf(ids: readonly UserId[]): Promise<Map<UserId, TotpSecret>> {
    const rows = await this.#deps.database.sql<Row & { user_id: string }>(
      'select user_id, sealed, algorithm, digits, period from totp_credential where user_id = any($1::uuid[])',
      [ids.map(toUuid)],
    );
    return new Map(
      rows.map(({ user_id: uuid, sealed, algorithm, digits, period }) => {
        const userId = fromUuid('usr', uuid);
        const secret = this.#deps.keyRing.open(sealed, sealPlace(userId));
        return [userId, { secret, algorithm, digits, period }];
      }),
    );
  }

  /** Seals every secret under the first secret of the ring. May be broken off and called again. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ user_id: string }>(this.#deps, {
      table: 'totp_credential',
      column: 'sealed',
      key: ['user_id'],
      place: ({ user_id: id }) => sealPlace(fromUuid('usr', id)),
    });
  }

  async #row(userId: UserId): Promise<Row | null> {
    const [row] = await this.#deps.database.sql<Row>(
      'select name, sealed, algorithm, digits, period, created_at, used_at from totp_credential where user_id = $1',
      [toUuid(userId)],
    );
    return row ?? null;
  }
}

const sealPlace = (userId: UserId) => `totp_credential.sealed:${userId}`;
