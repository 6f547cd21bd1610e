import type { Clock } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { UserId } from '#users/module.ts';

/** What a person holds to prove it a second time. */
export type SecondFactorOverview = {
  isAdministrator: boolean;
  email: string;
  /** Null unless it is verified. */
  phoneNumber: string | null;
  hasTotp: boolean;
  /** Those that are not refused. */
  passkeys: number;
  /** Null when none were ever made. */
  recoveryCodes: number | null;
  /** Codes were made in this place and not yet said to be saved. */
  showsCodes: boolean;
};

type Row = {
  is_administrator: boolean;
  email: string;
  phone_number: string | null;
  phone_number_verified: boolean;
  has_totp: boolean;
  passkeys: number;
  recovery_codes: number | null;
  shows_codes: boolean | null;
};

/** All of it in one look: it is asked at every step of a sign-in. */
export class SecondFactorOverviews {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Null when there is no such person. `holder` is the sign-in or the session in which codes may be on show. */
  async find(userId: UserId, holder = ''): Promise<SecondFactorOverview | null> {
    const [row] = await this.#database.sql<Row>(
      `select u.is_administrator, u.email, u.phone_number, u.phone_number_verified, t.user_id is not null as has_totp,
              (select count(*)::int from passkey p where p.user_id = u.id and p.flagged_at is null) as passkeys,
              cardinality(r.hashes) as recovery_codes, r.shown_to = $2 and r.shown_until > $3 as shows_codes
       from users u left join totp_credential t on t.user_id = u.id left join recovery_codes r on r.user_id = u.id
       where u.id = $1`,
      [toUuid(userId), sha256(holder), this.#clock.now()],
    );
    if (!row) return null;
    return {
      isAdministrator: row.is_administrator,
      email: row.email,
      phoneNumber: row.phone_number_verified ? row.phone_number : null,
      hasTotp: row.has_totp,
      passkeys: row.passkeys,
      recoveryCodes: row.recovery_codes,
      showsCodes: row.shows_codes ?? false,
    };
  }
}

/**
 * Whether a person asked for a second step. An app is one; a passkey is, for most, a quicker way in, and becomes one with
 * recovery codes: without those, whoever loses it would be locked out by having added it.
 */
export function hasTwoSteps({
  hasTotp,
  passkeys,
  recoveryCodes,
}: Pick<SecondFactorOverview, 'hasTotp' | 'passkeys' | 'recoveryCodes'>): boolean {
  return hasTotp || (passkeys > 0 && recoveryCodes !== null);
}
