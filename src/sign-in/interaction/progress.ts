import { defineEntity, p } from '@mikro-orm/core';
import type { SentFirstPage } from '#credentials/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Act } from '#kernel/postgres/one-statement.ts';
import type { EngineInteraction, Kept, OpenSignIns } from '#oidc/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Proof } from './proof.ts';
import type { Offer } from './requirements.ts';
import type { Upstream } from './upstream.ts';

/** How unlike a user a sign-in is, and what is done about it. */
export type Assessment = { userId: UserId; signals: readonly string[]; actions: readonly string[] };

/** The results of the steps of one sign-in so far. Stored on the server, so no replayed cookie can change it. */
export type Progress = {
  /** The typed email address, with or without an account. */
  identifier: string | null;
  /** The identifier is the one of the session, and its user has sent nothing yet: nothing is sent to it. */
  isCarried: boolean;
  /** The identifiers to which a code was sent unasked, so that a page that is loaded again sends no other. */
  sentTo: { readonly [W in SentFirstPage]?: string };
  /** Set by a proof alone, never by a claim. */
  userId: UserId | null;
  /** All of `userId`. */
  proofs: readonly Proof[];
  /** The box "Keep me signed in" of the last page that has one; null where no page had. */
  remember: boolean | null;
  /** The answer of the account chooser. */
  chosen: 'session' | 'another' | null;
  /** A change of mind between signing in and creating an account. */
  wants: 'sign-in' | 'account' | null;
  /** The risk assessment of this sign-in for a user; null before it. */
  assessment: Assessment | null;
  /** Declined offers. */
  skipped: readonly Offer[];
  /** The identity at an upstream provider that waits for its account. */
  upstream: Upstream | null;
  /** The last lead of this browser to a provider (`leadIn`): the same one counts once, and a user who comes back chooses. */
  led: string | null;
};

export const nothingYet: Progress = {
  identifier: null,
  isCarried: false,
  sentTo: {},
  userId: null,
  proofs: [],
  remember: null,
  chosen: null,
  wants: null,
  assessment: null,
  skipped: [],
  upstream: null,
  led: null,
};

/** Results of a request that are not written yet, and further writes with them. */
type Held = { progress: Progress; act: Pick<Act, 'conditions' | 'others'> };
const nothingElse: Pick<Held, 'act'> = { act: { conditions: [], others: [] } };

type Asked = Pick<EngineInteraction, 'uid' | 'kept'>;

/** Older processes write it while they run at the same time. */
const SignInProgressSchema = defineEntity({
  name: 'SignInProgress',
  tableName: 'sign_in_progress',
  properties: {
    uidHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    progress: p.json<Progress>(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('sign_in_progress_expires_at_index'),
  },
});
/** A sign-in in progress, as older releases store it (table `sign_in_progress`). */
export class SignInProgress extends SignInProgressSchema.class {}
SignInProgressSchema.setClass(SignInProgress);

/** Sign-ins of one user with proofs, as older processes store them. */
export const olderSignIns = {
  async endOf(em: EntityManager, userId: UserId, except: string | null): Promise<void> {
    await em.execute(
      `delete from sign_in_progress where (progress->>'userId' = ? or progress->>'endedAs' = ?) and uid_hash <> ?`,
      [userId, userId, sha256(except ?? '')],
    );
  },
};

/** Reads and writes the results of the steps of a sign-in. */
export class ProgressStore {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #signIns: Pick<OpenSignIns, 'write'>;
  readonly #held = new WeakMap<Kept, Held>();

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
   * sent twice, what was proved was taken away, or the sign-in has ended. In `em` it is written with what else is written there.
   */
  async save(asked: Asked, progress: Progress, em?: EntityManager): Promise<boolean> {
    this.#held.set(asked.kept, { ...(this.#held.get(asked.kept) ?? nothingElse), progress });
    return this.settle(asked, em);
  }

  /** Keeps it for the one write of this request, which also writes `act`, and only while its conditions hold. */
  hold({ kept }: Asked, progress: Progress, act: Held['act']): void {
    this.#held.set(kept, { progress, act });
  }

  /** Changes that are held back and written with the end of the sign-in. */
  held({ kept }: Asked): Held | undefined {
    return this.#held.get(kept);
  }

  /** Writes what is held. False as `save` says. */
  async settle({ uid, kept }: Asked, em?: EntityManager): Promise<boolean> {
    const held = this.#held.get(kept);
    if (held === undefined) return true;
    this.#held.delete(kept);
    const { progress, act } = held;
    return this.#signIns.write(uid, kept, { progress, accountId: progress.userId }, act, em);
  }

  /** The form of older processes. */
  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from sign_in_progress where uid_hash in (select uid_hash from sign_in_progress where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
