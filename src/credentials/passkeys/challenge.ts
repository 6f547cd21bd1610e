import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';
import { CHALLENGE_LIFETIME } from '../lifetimes.ts';

/** The purpose of a ceremony. A challenge for one is refused in another. */
export type Purpose =
  /** The owner of the passkey in the response signs in. */
  | 'sign_in'
  /** The owner of the typed address, or null for an unknown address. */
  | 'sign_in_as'
  /** Behind another factor. */
  | 'second_factor'
  | 'register';

/** One request to an authenticator: its purpose, its sign-in or session, and its user. */
type Ceremony = { purpose: Purpose; binding: string; userId: UserId | null };

const WebauthnChallengeSchema = defineEntity({
  name: 'WebauthnChallenge',
  tableName: 'webauthn_challenge',
  properties: {
    hash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    purpose: p.text().$type<Purpose>(),
    bindingHash: p.blob().columnType('bytea').$type<Buffer>(),
    userId: p.uuid().nullable(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('webauthn_challenge_expires_at_index'),
  },
});
/** An open challenge for an authenticator; only its hash is stored (table `webauthn_challenge`). */
export class WebauthnChallenge extends WebauthnChallengeSchema.class {}
WebauthnChallengeSchema.setClass(WebauthnChallenge);

type Row = { purpose: Purpose; binding_hash: Uint8Array; user_id: string | null; expires_at: Date };

/** Creates and consumes WebAuthn challenges. The first response consumes one by one conditional write. */
export class Challenges {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** A fresh challenge: 32 random bytes as base64url. */
  async issue({ purpose, binding, userId }: Ceremony): Promise<string> {
    const challenge = randomSecret();
    await this.#database.sql(
      'insert into webauthn_challenge (hash, purpose, binding_hash, user_id, expires_at) values ($1, $2, $3, $4, $5)',
      [
        sha256(challenge),
        purpose,
        sha256(binding),
        userId === null ? null : toUuid(userId),
        fromNow(this.#clock, CHALLENGE_LIFETIME),
      ],
    );
    return challenge;
  }

  /** Whether a challenge waits for its answer, which `consume` decides. */
  async isOpen(challenge: string): Promise<boolean> {
    const rows = await this.#database.sql('select 1 from webauthn_challenge where hash = $1', [sha256(challenge)]);
    return rows.length > 0;
  }

  /** Takes a challenge away at its first try, good or bad. Null when there is none, `foreign` when it was for something else. */
  async consume(
    em: EntityManager,
    challenge: string,
    { purpose, binding }: Pick<Ceremony, 'purpose' | 'binding'>,
  ): Promise<Pick<Ceremony, 'userId'> | 'foreign' | null> {
    const [row] = await em.execute<Row[]>(
      'delete from webauthn_challenge where hash = ? returning purpose, binding_hash, user_id, expires_at',
      [sha256(challenge)],
    );
    if (!row || row.expires_at <= this.#clock.now()) return null;
    if (row.purpose !== purpose || !sha256(binding).equals(row.binding_hash)) return 'foreign';
    return { userId: row.user_id === null ? null : fromUuid('usr', row.user_id) };
  }

  /** Takes every open challenge of a user away. */
  async discardAll(em: EntityManager, userId: UserId): Promise<void> {
    await em.execute('delete from webauthn_challenge where user_id = ?', [toUuid(userId)]);
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from webauthn_challenge where hash in (select hash from webauthn_challenge where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
