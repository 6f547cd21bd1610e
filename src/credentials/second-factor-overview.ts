import type { Clock } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { ROLE_COLUMNS, type RoleHolder, roleHolderOf, type RoleRow, type UserId } from '#users/module.ts';
import type { PasskeyCount } from './methods.ts';
import { countPasskeys, type PasskeyState, STATE_COLUMNS, type StateRow } from './passkeys/passkey-state.ts';

/** What a person holds to prove it a second time. */
export type SecondFactorOverview = RoleHolder & {
  email: string;
  /** Null unless it is verified. */
  phoneNumber: string | null;
  hasTotp: boolean;
  passkeys: PasskeyCount;
  /** Null when none were ever made. */
  recoveryCodes: number | null;
  /** Codes were made in this place and not yet said to be saved. */
  showsCodes: boolean;
};

type PasskeyRow = StateRow & { user_verified: boolean };
type Row = RoleRow & {
  email: string;
  phone_number: string | null;
  phone_number_verified: boolean;
  has_totp: boolean;
  passkeys: PasskeyRow[] | string;
  recovery_codes: number | null;
  shows_codes: boolean | null;
};

/** All of it in one look: it is asked at every step of a sign-in. */
export class SecondFactorOverviews {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #stateOf: PasskeyState;

  constructor(clock: Clock, database: Pick<Database, 'sql'>, stateOf: PasskeyState) {
    this.#clock = clock;
    this.#database = database;
    this.#stateOf = stateOf;
  }

  /** Null when there is no such person. `holder` is the sign-in or the session in which codes may be on show. */
  async find(userId: UserId, holder = ''): Promise<SecondFactorOverview | null> {
    const [row] = await this.#database.sql<Row>(
      `select ${ROLE_COLUMNS}, u.email, u.phone_number, u.phone_number_verified, t.user_id is not null as has_totp,
              (select coalesce(jsonb_agg(p), '[]') from
                 (select ${STATE_COLUMNS}, user_verified from passkey where user_id = u.id) p) as passkeys,
              cardinality(r.hashes) as recovery_codes, r.shown_to = $2 and r.shown_until > $3 as shows_codes
       from users u left join totp_credential t on t.user_id = u.id left join recovery_codes r on r.user_id = u.id
       where u.id = $1`,
      [toUuid(userId), sha256(holder), this.#clock.now()],
    );
    if (!row) return null;
    return {
      ...roleHolderOf(row),
      email: row.email,
      phoneNumber: row.phone_number_verified ? row.phone_number : null,
      hasTotp: row.has_totp,
      passkeys: countPasskeys(
        typeof row.passkeys === 'string' ? (JSON.parse(row.passkeys) as PasskeyRow[]) : row.passkeys,
        this.#stateOf,
        userId,
      ),
      recoveryCodes: row.recovery_codes,
      showsCodes: row.shows_codes ?? false,
    };
  }

  /** Which of these people have confirmed a second factor, and whether one of them can be used now. */
  async among(ids: readonly UserId[]): Promise<ReadonlyMap<UserId, 'usable' | 'unusable'>> {
    const rows = await this.#database.sql<{ user_id: string; has_totp: boolean } & StateRow>(
      `select user_id, true as has_totp, false as is_stopped, '' as aaguid, '' as attestation_format
         from totp_credential where user_id = any($1::uuid[])
       union all select user_id, false, ${STATE_COLUMNS} from passkey where user_id = any($1::uuid[])`,
      [ids.map(toUuid)],
    );
    const states = new Map<UserId, 'usable' | 'unusable'>();
    for (const { user_id: uuid, has_totp: hasTotp, ...row } of rows) {
      const id = fromUuid('usr', uuid);
      if (hasTotp || this.#stateOf(row, id) === 'active') states.set(id, 'usable');
      else if (!states.has(id)) states.set(id, 'unusable');
    }
    return states;
  }
}

type Confirmed = Pick<SecondFactorOverview, 'hasTotp' | 'passkeys'>;

const heldPasskeys = ({ verifying, others, unusable }: PasskeyCount): number => verifying + others + unusable;

/** Whether a person has ever confirmed a second factor that was not taken away since, whatever its state is now. */
export const hasConfirmed = ({ hasTotp, passkeys }: Confirmed): boolean => hasTotp || heldPasskeys(passkeys) > 0;

/** Whether one of them can be used now. */
export const hasUsable = ({ hasTotp, passkeys }: Confirmed): boolean =>
  hasTotp || passkeys.verifying + passkeys.others > 0;

/**
 * Whether a person asked for a second step. An app is one; a passkey is, for most, a quicker way in, and becomes one with
 * recovery codes: without those, a person who loses it would be locked out by having added it. The state of the passkey changes nothing.
 */
export function hasTwoSteps({
  hasTotp,
  passkeys,
  recoveryCodes,
}: Pick<SecondFactorOverview, 'hasTotp' | 'passkeys' | 'recoveryCodes'>): boolean {
  return hasTotp || (heldPasskeys(passkeys) > 0 && recoveryCodes !== null);
}
