import { defineEntity, p } from '@mikro-orm/core';
import type { SentFirstPage } from '#credentials/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { EngineInteraction, OpenSignIns } from '#oidc/module.ts';
import type { UserId } from '#users/module.ts';
import type { Proof } from './proof.ts';
import type { Offer } from './requirements.ts';

/** How unlike a user a sign-in is, and what is done about it. */
export type Assessment = { userId: UserId; signals: readonly string[]; actions: readonly string[] };

/** What the steps of one sign-in have found out so far. Kept on the server: no cookie can be played back into it. */
export type Progress = {
  /** What was typed as e-mail address, whether or not anybody has it. */
  identifier: string | null;
  /** The identifiers to which a code was sent unasked, so that a page that is loaded again sends no other. */
  sentTo: { readonly [W in SentFirstPage]?: string };
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

type Asked = Pick<EngineInteraction, 'uid' | 'kept'>;

/** Older processes write it while they run beside this one. */
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

export class ProgressStore {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #signIns: Pick<OpenSignIns, 'write'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>, signIns: Pick<OpenSignIns, 'write'>) {
    this.#clock = clock;
    this.#database = database;
    this.#signIns = signIns;
  }

  /** As it was read with the question. */
  of({ kept }: Pick<Asked, 'kept'>): Progress {
    return { ...nothingYet, ...(kept.progress as Progress | null) };
  }

  /**
   * Writes over what was read with the question, once for each step. False when another request was first: the same step was
   * sent twice, what was proved was taken away, or the sign-in has ended.
   */
  async save({ uid, kept }: Asked, progress: Progress): Promise<boolean> {
    return this.#signIns.write(uid, kept, { progress, accountId: progress.userId ?? progress.endedAs });
  }

  /** Of all that was proved only the person is left, so that it is used once. False when it was taken away meanwhile. */
  async finish(asked: Asked, userId: UserId): Promise<boolean> {
    return this.save(asked, { ...nothingYet, endedAs: userId });
  }

  /** What older processes wrote. */
  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from sign_in_progress where uid_hash in (select uid_hash from sign_in_progress where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
