import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow } from '#kernel/clock.ts';
import {
  type KeyRing,
  randomSecret,
  SealError,
  sha256,
  sealAgain,
  sealAllAgain,
  type SealedAgain,
} from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { LONGEST_WAY } from './limits.ts';

/** Sign-ins and links that wait for the answer of an upstream provider. */
const FederationAttemptSchema = defineEntity({
  name: 'FederationAttempt',
  tableName: 'federation_attempt',
  properties: {
    stateHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    /** Of the sign-in, or of the session, whose browser alone may go on with the answer. */
    bindingHash: p.blob().columnType('bytea').$type<Buffer>(),
    /** The attempt, under the key ring: it holds the code verifier and the nonce. */
    sealed: p.text(),
    /** The parameters of the answer, under the key ring. */
    answer: p.text().nullable(),
    proofHash: p
      .blob()
      .columnType('bytea')
      .nullable()
      .$type<Buffer | null>()
      .unique('federation_attempt_proof_hash_unique'),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('federation_attempt_expires_at_index'),
  },
});
/** Mapped for the drift test alone; it is written by conditional statements. */
export class FederationAttempt extends FederationAttemptSchema.class {}
FederationAttemptSchema.setClass(FederationAttempt);

const STATE = /^[\w-]{16,128}$/;
const PROOF = /^[\w-]{43}$/;

/** The part of an attempt that is kept. */
type Attempt = {
  connection: string;
  /** Of the connection: it opens the answer. */
  transaction: string;
  /** The page that goes on with the answer; it holds the cookie of `binding`. */
  page: string;
  /** The form with which the browser goes to the provider; null for a redirect. */
  post: { action: string; fields: Readonly<Record<string, string>> } | null;
};

/** The answer of a provider, for the browser that asked for it. */
type Answer = { connection: string; transaction: string; parameters: URLSearchParams };

/**
 * Requests to upstream providers, until their answers come. An answer arrives in a request that carries no cookie of ours where the
 * provider posts it. So the callback only keeps it under a fresh secret, and leads to the page that began: there the cookie of that page and
 * the secret are needed together. A browser that opens the callback of another browser gets nothing.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;

  constructor({
    clock,
    database,
    keyRing,
  }: {
    clock: Clock;
    database: Pick<Database, 'sql'>;
    keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
  }) {
    this.#clock = clock;
    this.#database = database;
    this.#keyRing = keyRing;
  }

  /** `binding`: what the cookie of the page names, a sign-in or a session. */
  async begin(state: string, binding: string, attempt: Attempt): Promise<void> {
    const stateHash = sha256(state);
    await this.#database.sql(
      `insert into federation_attempt (state_hash, binding_hash, sealed, expires_at) values ($1, $2, $3, $4)`,
      [stateHash, sha256(binding), this.#keyRing.seal(JSON.stringify(attempt), placeOf(stateHash)), this.#expiry()],
    );
  }

  /** The form with which the browser goes to the provider, as long as no answer came; null where there is none. */
  async formOf(connection: string, state: unknown): Promise<Attempt['post']> {
    if (typeof state !== 'string' || !STATE.test(state)) return null;
    const attempt = await this.#waiting(state);
    return attempt?.connection === connection ? attempt.post : null;
  }

  /** Keeps an answer, once. The path at which its browser goes on; null for an answer that no attempt waits for. */
  async keep(connection: string, parameters: URLSearchParams): Promise<string | null> {
    const state = parameters.get('state') ?? '';
    if (!STATE.test(state)) return null;
    const attempt = await this.#waiting(state);
    if (attempt?.connection !== connection) return null;
    const stateHash = sha256(state);
    const proof = randomSecret();
    const kept = await this.#database.sql(
      `update federation_attempt set answer = $2, proof_hash = $3 where state_hash = $1 and answer is null returning 1`,
      [stateHash, this.#keyRing.seal(parameters.toString(), placeOf(stateHash)), sha256(proof)],
    );
    return kept.length === 0 ? null : `${attempt.page}?proof=${proof}`;
  }

  /** The answer, for the browser that asked for it, once; null for any other one. */
  async take(proof: unknown, binding: string): Promise<Answer | null> {
    if (typeof proof !== 'string' || !PROOF.test(proof)) return null;
    const [row] = await this.#database.sql<{ state_hash: Buffer; sealed: string; answer: string }>(
      `delete from federation_attempt where proof_hash = $1 and binding_hash = $2 and expires_at > $3
       returning state_hash, sealed, answer`,
      [sha256(proof), sha256(binding), this.#clock.now()],
    );
    if (row === undefined) return null;
    const stateHash = Buffer.from(row.state_hash);
    const attempt = this.#open(row.sealed, stateHash);
    if (attempt === null) return null;
    const { connection, transaction } = attempt;
    const parameters = new URLSearchParams(this.#keyRing.open(row.answer, placeOf(stateHash)));
    return { connection, transaction, parameters };
  }

  /** Seals attempts and answers under the first secret of the ring. */
  reencrypt(): Promise<SealedAgain> {
    const again = (column: string) => () =>
      sealAgain<{ state_hash: Buffer }>(
        { database: this.#database, keyRing: this.#keyRing },
        {
          table: 'federation_attempt',
          column,
          key: ['state_hash'],
          place: ({ state_hash: hash }) => placeOf(Buffer.from(hash)),
        },
      );
    return sealAllAgain([again('sealed'), again('answer')]);
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from federation_attempt where state_hash in (select state_hash from federation_attempt where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }

  async #waiting(state: string): Promise<Attempt | null> {
    const stateHash = sha256(state);
    const [row] = await this.#database.sql<{ sealed: string }>(
      'select sealed from federation_attempt where state_hash = $1 and answer is null and expires_at > $2',
      [stateHash, this.#clock.now()],
    );
    return row ? this.#open(row.sealed, stateHash) : null;
  }

  #open(sealed: string, stateHash: Buffer): Attempt | null {
    try {
      return JSON.parse(this.#keyRing.open(sealed, placeOf(stateHash))) as Attempt;
    } catch (error) {
      if (error instanceof SealError) return null;
      throw error;
    }
  }

  #expiry(): Date {
    return fromNow(this.#clock, LONGEST_WAY);
  }
}

const placeOf = (stateHash: Buffer): string => `federation-attempt:${stateHash.toString('base64url')}`;
