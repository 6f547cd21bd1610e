import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Act, Part } from '#kernel/postgres/one-statement.ts';
import type { UserId } from '#directory/users/module.ts';
import type { AttemptCounter } from '../attempts.ts';
import { type KnownDevices, ownCounter } from '../trusted-devices/known-device.ts';
import { counterKey, NO_USER, type PasswordOutcome, type PasswordService, type Tried } from './password-service.ts';

/** `holder` names the counter of all browsers but those that `account` knows. */
type Trial = { holder: string; account: UserId | null; deviceSecret: string | undefined };

/** `act`: what is written together with the proof, and what must still be true then. */
export type AttemptOutcome =
  | { kind: 'verified'; userId: UserId; act: Pick<Act, 'conditions' | 'others'> }
  | Exclude<PasswordOutcome, { kind: 'verified' }>;

type Dependencies = {
  database: Pick<Database, 'sql'>;
  attempts: Pick<AttemptCounter, 'taking' | 'blocked' | 'succeeding'>;
  knownDevices: Pick<KnownDevices, 'knowing'>;
  passwords: Pick<PasswordService, 'recognize'>;
};

/** Passwords that are typed in a sign-in. */
export class PasswordAttempts {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * The same for a sign-in: one statement finds out which counter takes the try, takes it, and reads what the password is
   * compared with. The end of the step resets the failures and checks that the password is still the same.
   */
  async attempt({ holder, deviceSecret, userId, ...tried }: Tried & Trial): Promise<AttemptOutcome> {
    const { attempts, knownDevices, database, passwords } = this.#deps;
    const [own, shared] = [ownCounter(holder as UserId, deviceSecret ?? ''), holder].map(counterKey);
    const [known, take] = [knownDevices.knowing(deviceSecret), attempts.taking()];
    const [row] = await database.sql<{
      is_known: boolean;
      failures: number | null;
      hash: string | null;
      scheme: string | null;
      changed_at: Date | null;
    }>(
      `with browser as (select ${known.text((place) => `$${place + 5}`, '$3::uuid')} as is_known),
       taken as (${take.text((place) => `$${place + 7}`, 'select case when is_known then $1::bytea else $2::bytea end from browser')})
       select is_known, (select failures from taken) as failures, p.hash, p.scheme, p.changed_at
       from browser left join password_credential p on p.user_id = $4::uuid`,
      [
        sha256(own!),
        sha256(shared!),
        tried.account === null ? NO_USER : toUuid(tried.account),
        userId === null ? NO_USER : toUuid(userId),
        ...known.values,
        ...take.values,
      ],
    );
    const { is_known: isKnown, failures, hash, scheme, changed_at: changedAt } = row!;
    const key = isKnown ? own! : shared!;
    if (failures === null) {
      const take = await attempts.blocked(key);
      return { kind: 'throttled', until: take.allowed ? null : take.until };
    }
    const found = await passwords.recognize({ ...tried, userId }, hash === null ? null : { hash, scheme });
    if (found === null) return { kind: 'wrong' };
    return {
      kind: 'verified',
      userId: found,
      act: {
        conditions: userId === null || changedAt === null ? [] : [unchanged(userId, changedAt)],
        others: [attempts.succeeding(key)],
      },
    };
  }
}

/**
 * Hashing takes long enough for the password to be changed meanwhile. While the password is being changed at this moment, it is
 * not the same either.
 */
const unchanged = (userId: UserId, changedAt: Date): Part => ({
  name: 'unchanged',
  values: [toUuid(userId), changedAt],
  text: (at, only) => `
    unchanged as (select 1 from password_credential
      where user_id = ${at(0)}::uuid and changed_at = ${at(1)}::timestamptz and ${only} for share skip locked)`,
});
