import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow, MINUTE } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { UserId } from '#users/module.ts';
import type { Proof } from './proof.ts';
import type { Offer } from './standing.ts';

/** What the steps of one sign-in have found out so far. Kept on the server: no cookie can be played back into it. */
export type Progress = {
  /** What was typed as e-mail address, whether or not anybody has it. */
  identifier: string | null;
  /** The identifiers to which a code was sent unasked, so that a page that is loaded again sends no other. */
  sentTo: { readonly [W in 'email-code' | 'sms-code']?: string };
  /** Set by a proof alone, never by a claim. */
  userId: UserId | null;
  /** All of `userId`. */
  proofs: readonly Proof[];
  remember: boolean;
  /** The answer of the account chooser. */
  chosen: 'session' | 'another' | null;
  /** A change of mind between signing in and creating an account. */
  wants: 'sign-in' | 'account' | null;
  /** What was made of this sign-in's likeness to earlier ones; null until somebody has proved something. */
  assessment: { signals: readonly string[]; actions: readonly string[] } | null;
  /** What was offered and left for another time. */
  skipped: readonly Offer[];
};

export const nothingYet: Progress = {
  identifier: null,
  sentTo: {},
  userId: null,
  proofs: [],
  remember: false,
  chosen: null,
  wants: null,
  assessment: null,
  skipped: [],
};

const SignInProgressSchema = defineEntity({
  name: 'SignInProgress',
  tableName: 'sign_in_progress',
  properties: {
    uidHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    progress: p.json<Progress>(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('sign_in_progress_expires_at_index'),
  },
});
export class SignInProgress extends SignInProgressSchema.class {}
SignInProgressSchema.setClass(SignInProgress);

/** As long as the engine keeps the question open. */
const LIFETIME = 15 * MINUTE;

export class ProgressStore {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  async find(uid: string): Promise<Progress> {
    const [row] = await this.#database.sql<{ progress: Progress | string }>(
      'select progress from sign_in_progress where uid_hash = $1 and expires_at > $2',
      [sha256(uid), this.#clock.now()],
    );
    if (!row) return nothingYet;
    return {
      ...nothingYet,
      ...(typeof row.progress === 'string' ? (JSON.parse(row.progress) as Progress) : row.progress),
    };
  }

  async save(uid: string, progress: Progress): Promise<void> {
    await this.#database.sql(
      `insert into sign_in_progress (uid_hash, progress, expires_at) values ($1, $2::jsonb, $3) on conflict (uid_hash) do update set progress = excluded.progress`,
      [sha256(uid), JSON.stringify(progress), fromNow(this.#clock, LIFETIME)],
    );
  }

  /** Takes the progress away, so that its proof is used once. */
  async end(uid: string): Promise<void> {
    await this.#database.sql('delete from sign_in_progress where uid_hash = $1', [sha256(uid)]);
  }

  /** Takes what a person has proved out of every sign-in but one: it was proved with what is worth nothing any more. */
  async endOf(em: EntityManager, userId: UserId, except: string | null): Promise<void> {
    await em.execute(`delete from sign_in_progress where progress->>'userId' = ? and uid_hash <> ?`, [
      userId,
      sha256(except ?? ''),
    ]);
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from sign_in_progress where uid_hash in (select uid_hash from sign_in_progress where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
