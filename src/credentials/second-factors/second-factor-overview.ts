import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { Policies } from '#settings/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { PasskeyCount } from '../methods.ts';
import { countPasskeys, type PasskeyState, STATE_COLUMNS, type StateRow } from '../passkeys/passkey-state.ts';

/** The second factors that a user holds, and what was asked and agreed about them. */
export type SecondFactorOverview = {
  hasTotp: boolean;
  passkeys: PasskeyCount;
  /** Null when none were ever made. */
  recoveryCodes: number | null;
  /** Codes were made in this place and not yet said to be saved. */
  showsCodes: boolean;
  /** When the user last declined to make a passkey. */
  offerDeclinedAt: Date | null;
  /** Since when the user is asked to add a second factor; null before the first time. */
  askedAt: Date | null;
  /** When an operator took the second factors away, until the user has signed in again. */
  resetAt: Date | null;
  /** Whether the user trusted this browser, and the days of trust that policy grants now are not over. */
  hasTrust: boolean;
  /** Since when, where that is so. */
  trustedAt: Date | null;
};

/** Where it is asked. */
export type OverviewPlace = {
  /** The sign-in or the session in which recovery codes may be on show. */
  holder?: string;
  /** The trust cookie of the browser. */
  trustSecret?: string | undefined;
};

type PasskeyRow = StateRow & { user_verified: boolean };
type Row = {
  has_totp: boolean;
  passkeys: PasskeyRow[];
  recovery_codes: number | null;
  shows_codes: boolean | null;
  offer_declined_at: Date | null;
  asked_at: Date | null;
  reset_at: Date | null;
  trusted_at: Date | null;
};

/** All of it in one statement: every step of a sign-in asks it. */
export class SecondFactorOverviews {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #stateOf: PasskeyState;
  readonly #policies: Policies<'mfa'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>, stateOf: PasskeyState, policies: Policies<'mfa'>) {
    this.#clock = clock;
    this.#database = database;
    this.#stateOf = stateOf;
    this.#policies = policies;
  }

  async find(userId: UserId, { holder = '', trustSecret = '' }: OverviewPlace = {}): Promise<SecondFactorOverview> {
    const rows = await this.#database.sql<Row>(
      `select t.user_id is not null as has_totp,
              (select coalesce(jsonb_agg(p), '[]') from
                 (select ${STATE_COLUMNS}, user_verified from passkey where user_id = u.id) p) as passkeys,
              cardinality(r.hashes) as recovery_codes, r.shown_to = $2 and r.shown_until > $3 as shows_codes,
              w.offer_declined_at, q.asked_at, q.reset_at,
              (select d.created_at from trusted_device d where d.secret_hash = $4 and d.user_id = u.id
                 and d.expires_at > $3 and d.created_at > $5) as trusted_at
       from (select $1::uuid as id) u left join totp_credential t on t.user_id = u.id
         left join recovery_codes r on r.user_id = u.id left join webauthn_user w on w.user_id = u.id
         left join second_factor_request q on q.user_id = u.id`,
      [
        toUuid(userId),
        sha256(holder),
        this.#clock.now(),
        sha256(trustSecret),
        fromNow(this.#clock, -this.#policies.for({ user: userId }).mfa.trustDays * DAY),
      ],
    );
    const [row] = rows as [Row];
    return {
      hasTotp: row.has_totp,
      passkeys: countPasskeys(row.passkeys, this.#stateOf, userId),
      recoveryCodes: row.recovery_codes,
      showsCodes: row.shows_codes ?? false,
      offerDeclinedAt: row.offer_declined_at,
      askedAt: row.asked_at,
      resetAt: row.reset_at,
      hasTrust: row.trusted_at !== null,
      trustedAt: row.trusted_at,
    };
  }

  /** The highest level that the user can prove: 2 where a second factor was confirmed. */
  async reachableLevel(userId: UserId): Promise<1 | 2> {
    return hasConfirmed(await this.find(userId)) ? 2 : 1;
  }

  /** Which of these users have confirmed a second factor, and whether one of them can be used now. */
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

/** A query for the users (`user_id`) who have confirmed a second factor. */
export const withSecondFactor = (): string => 'select user_id from totp_credential union select user_id from passkey';

type Confirmed = Pick<SecondFactorOverview, 'hasTotp' | 'passkeys'>;

const heldPasskeys = ({ verifying, others, unusable }: PasskeyCount): number => verifying + others + unusable;

/** Whether a user has ever confirmed a second factor that was not taken away since, whatever its state is now. */
export const hasConfirmed = ({ hasTotp, passkeys }: Confirmed): boolean => hasTotp || heldPasskeys(passkeys) > 0;

/** Whether one of them can be used now. */
export const hasUsable = ({ hasTotp, passkeys }: Confirmed): boolean =>
  hasTotp || passkeys.verifying + passkeys.others > 0;

/**
 * Whether a user asked for a second step. An app is one; a passkey is, for most, a quicker way in, and becomes one with
 * recovery codes: without those, a user who loses it would be locked out by having added it. The state of the passkey changes nothing.
 */
export function hasTwoSteps({
  hasTotp,
  passkeys,
  recoveryCodes,
}: Pick<SecondFactorOverview, 'hasTotp' | 'passkeys' | 'recoveryCodes'>): boolean {
  return hasTotp || (heldPasskeys(passkeys) > 0 && recoveryCodes !== null);
}
