import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { type KeyRing, randomSecret, sealAgain, type SealedAgain, sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import { INPUT_INVALID } from '#kernel/operations/input.ts';
import type { Answer } from '../answer.ts';
import { idempotencyKeyInUse, idempotencyKeyReused } from '../errors.ts';
import { ANSWER_KEPT_FOR, LONGEST_RUN } from '../limits.ts';

const StoredAnswerSchema = defineEntity({
  name: 'StoredAnswer',
  tableName: 'api_stored_answer',
  properties: {
    /** Of the caller and the key. */
    id: p.blob().columnType('bytea').primary().$type<Buffer>(),
    /** The call that may write the answer. */
    claim: p.text(),
    /** The digest of the request, and its outcome once there is one, under the key ring: answers hold secrets. */
    sealed: p.text(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('api_stored_answer_expires_at_index'),
  },
});
/** Mapped for the drift test alone; it is written by conditional statements. */
export class StoredAnswer extends StoredAnswerSchema.class {}
StoredAnswerSchema.setClass(StoredAnswer);

/** `caller` is who calls, `request` all of it that counts. */
type Keyed = { caller: string; key: string; request: string };

type Refusal = Pick<AppError, 'code' | 'status' | 'message' | 'details'>;
type Outcome = { answer: Answer } | { refusal: Refusal };
type Stored = { request: string; outcome: Outcome | null };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
};

/**
 * Outcomes of calls with an `Idempotency-Key`, for a day. A call claims its key before it runs. A claim whose process ended is free
 * again after `LONGEST_RUN`; it is unknown then whether the call had its effect.
 */
export class StoredAnswers {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /**
   * Runs once for a key, and gives the outcome again to each later call with it; `onReplay` is told before. Throws
   * api.idempotency_key_in_use, api.idempotency_key_reused, and what `run` throws.
   */
  async once({ caller, key, request }: Keyed, run: () => Promise<Answer>, onReplay: () => void): Promise<Answer> {
    const id = sha256(JSON.stringify([caller, key]));
    const digest = sha256(request).toString('base64url');
    const claim = randomSecret(16);
    if (await this.#claim(id, claim, digest)) return this.#run(id, claim, digest, run);
    const stored = await this.#find(id);
    if (stored !== null && stored.request !== digest) throw idempotencyKeyReused();
    // Released in between: it is the turn of the next attempt.
    if (stored === null || stored.outcome === null) throw idempotencyKeyInUse(1);
    onReplay();
    if ('answer' in stored.outcome) return stored.outcome.answer;
    throw new AppError(stored.outcome.refusal);
  }

  async #claim(id: Buffer, claim: string, request: string): Promise<boolean> {
    const { clock, database } = this.#deps;
    const rows = await database.sql(
      `insert into api_stored_answer (id, claim, sealed, expires_at) values ($1, $2, $3, $4)
       on conflict (id) do update set claim = excluded.claim, sealed = excluded.sealed, expires_at = excluded.expires_at
       where api_stored_answer.expires_at <= $5 returning 1`,
      [id, claim, this.#seal(id, { request, outcome: null }), fromNow(clock, LONGEST_RUN), clock.now()],
    );
    return rows.length > 0;
  }

  async #run(id: Buffer, claim: string, request: string, run: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await run();
      // A client that has the answer does not ask again, so it is not told of a failure to keep it.
      await this.#keep(id, claim, { request, outcome: { answer } }).catch(() => undefined);
      return answer;
    } catch (error) {
      await (
        isOutcome(error)
          ? this.#keep(id, claim, { request, outcome: { refusal: refusalOf(error) } })
          : this.#free(id, claim)
      ).catch(() => undefined);
      throw error;
    }
  }

  async #find(id: Buffer): Promise<Stored | null> {
    const [row] = await this.#deps.database.sql<{ sealed: string }>(
      'select sealed from api_stored_answer where id = $1 and expires_at > $2',
      [id, this.#deps.clock.now()],
    );
    return row === undefined ? null : (JSON.parse(this.#deps.keyRing.open(row.sealed, placeOf(id))) as Stored);
  }

  async #keep(id: Buffer, claim: string, stored: Stored): Promise<void> {
    const { clock, database } = this.#deps;
    await database.sql('update api_stored_answer set sealed = $3, expires_at = $4 where id = $1 and claim = $2', [
      id,
      claim,
      this.#seal(id, stored),
      fromNow(clock, ANSWER_KEPT_FOR),
    ]);
  }

  async #free(id: Buffer, claim: string): Promise<void> {
    await this.#deps.database.sql('delete from api_stored_answer where id = $1 and claim = $2', [id, claim]);
  }

  #seal(id: Buffer, stored: Stored): string {
    return this.#deps.keyRing.seal(JSON.stringify(stored), placeOf(id));
  }

  /** Seals the answers under the first secret of the ring. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ id: Buffer }>(this.#deps, {
      table: 'api_stored_answer',
      column: 'sealed',
      key: ['id'],
      place: ({ id }) => placeOf(Buffer.from(id)),
    });
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#deps.database.sql(
      'delete from api_stored_answer where id in (select id from api_stored_answer where expires_at < $1 limit $2) returning 1',
      [this.#deps.clock.now(), batch],
    );
    return rows.length;
  }
}

const placeOf = (id: Buffer): string => `api_stored_answer.sealed:${id.toString('hex')}`;

/**
 * Whether the operation itself refused. A refusal of the door, of rights or of input lets the same key be used again: the call
 * had no effect and may be right the next time.
 */
const isOutcome = (error: unknown): error is AppError =>
  error instanceof AppError &&
  error.status < 500 &&
  ![401, 403, 429].includes(error.status) &&
  error.code !== INPUT_INVALID &&
  !error.code.startsWith('api.');

const refusalOf = ({ code, status, message, details }: AppError): Refusal => ({ code, status, message, details });
