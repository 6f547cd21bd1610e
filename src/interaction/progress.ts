import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow, MINUTE } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { UserId } from '#users/module.ts';
import type { Proof } from './proof.ts';
import type { Offer } from './standing.ts';

/** How unlike a user a sign-in is, and what is done about it. */
export type Assessment = { userId: UserId; signals: readonly string[]; actions: readonly string[] };

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
  /** What was made of this sign-in's likeness to earlier ones of a user; null until that was asked. */
  assessment: Assessment | null;
  /** What was offered and left for another time. */
  skipped: readonly Offer[];
  /** Who is signed in by this as soon as the browser comes back to the engine. */
  endedAs: UserId | null;
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
  endedAs: null,
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

  /** Leaves a sign-in alone that has ended meanwhile: the step was sent twice. */
  async save(uid: string, progress: Progress): Promise<void> {
    await this.#database.sql(
      `insert into sign_in_progress as known (uid_hash, progress, expires_at) values ($1, $2::jsonb, $3)
       on conflict (uid_hash) do update set progress = excluded.progress where known.progress->>'endedAs' is null`,
      [sha256(uid), JSON.stringify(progress), fromNow(this.#clock, LIFETIME)],
    );
  }

  /** Writes over what is there, if it is still of this person: what was taken away meanwhile does not come back. */
  async replace(uid: string, userId: UserId, progress: Progress): Promise<boolean> {
    const rows = await this.#database.sql(
      `update sign_in_progress set progress = $3::jsonb where uid_hash = $1 and progress->>'userId' = $2 returning 1`,
      [sha256(uid), userId, JSON.stringify(progress)],
    );
    return rows.length > 0;
  }

  /** Of all that was proved only the person is left, so that it is used once. False when it was taken away meanwhile. */
  async finish(uid: string, userId: UserId): Promise<boolean> {
    return this.replace(uid, userId, { ...nothingYet, endedAs: userId });
  }

  /** Uses up the end of a sign-in, when the browser comes back with it. */
  async settle(uid: string, userId: UserId): Promise<boolean> {
    const rows = await this.#database.sql(
      `delete from sign_in_progress where uid_hash = $1 and progress->>'endedAs' = $2 returning 1`,
      [sha256(uid), userId],
    );
    return rows.length > 0;
  }

  /** Takes the progress away. */
  async end(uid: string): Promise<void> {
    await this.#database.sql('delete from sign_in_progress where uid_hash = $1', [sha256(uid)]);
  }

  /** Takes what a person has proved out of every sign-in but one: it was proved with what is worth nothing any more. */
  async endOf(em: EntityManager, userId: UserId, except: string | null): Promise<void> {
    await em.execute(
      `delete from sign_in_progress where (progress->>'userId' = ? or progress->>'endedAs' = ?) and uid_hash <> ?`,
      [userId, userId, sha256(except ?? '')],
    );
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from sign_in_progress where uid_hash in (select uid_hash from sign_in_progress where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
