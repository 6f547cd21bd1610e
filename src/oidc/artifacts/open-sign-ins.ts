import type { Clock } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { inTransaction } from '#kernel/postgres/in-transaction.ts';
import { type Act, oneStatement, type Part } from '#kernel/postgres/one-statement.ts';

/** The results of the steps of a sign-in, as read. */
export type Kept = {
  /** Means something to the steps alone; null while nothing is known. */
  progress: unknown;
  /** The user who proved something in it. */
  accountId: string | null;
  /** Goes up with each write. */
  step: number;
};

export type OpenSignIn = { payload: Record<string, unknown>; kept: Kept };

/** As the engine knows it, with the user who proved something in it. */
type TakenSignIn = { payload: Record<string, unknown>; accountId: string | null };

type Json = Record<string, unknown>;

const alone: Omit<Act, 'decision'> = { conditions: [], others: [] };

/**
 * Sign-ins that are not finished: the question of the engine, its answer, and what the steps have found out meanwhile. All of it
 * is one row, written by one statement a step, and each of these succeeds for one of several requests at once.
 */
export class OpenSignIns {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  async find(uid: string): Promise<OpenSignIn | null> {
    const [row] = await this.#database.sql<{
      payload: Json;
      progress: Json | null;
      account_id: string | null;
      progress_step: number;
    }>(
      `select payload, progress, account_id, progress_step from oidc_artifact
       where id_hash = $1 and kind = 'Interaction' and expires_at > $2`,
      [sha256(uid), this.#clock.now()],
    );
    if (!row) return null;
    const { payload, progress, account_id: accountId, progress_step: step } = row;
    return { payload, kept: { progress, accountId, step } };
  }

  /** The application's request, also after the sign-in ended, until the clean-up. */
  async findRequest(uid: string): Promise<{ params: Record<string, unknown>; wasPushed: boolean } | null> {
    const [row] = await this.#database.sql<{ params: Json | null; was_pushed: boolean }>(
      `select payload->'params' as params, payload ? 'parJti' as was_pushed from oidc_artifact
       where id_hash = $1 and kind = 'Interaction'`,
      [sha256(uid)],
    );
    return row?.params ? { params: row.params, wasPushed: row.was_pushed } : null;
  }

  /** Writes over what was read, in `em` where there is one. False when another request was first, or the sign-in has its answer. */
  async write(
    uid: string,
    kept: Kept,
    next: Pick<Kept, 'progress' | 'accountId'>,
    act: Omit<Act, 'decision'> = alone,
    em?: EntityManager,
  ): Promise<boolean> {
    const decision: Part = {
      name: 'written',
      values: [sha256(uid), kept.step, JSON.stringify(next.progress), next.accountId],
      text: (at, only) => `
        written as (update oidc_artifact set progress = ${at(2)}::jsonb, account_id = ${at(3)}::text, progress_step = progress_step + 1
          where id_hash = ${at(0)}::bytea and kind = 'Interaction' and progress_step = ${at(1)}::int and not payload ? 'result'
            and ${only} returning 1)`,
    };
    const { text, values } = oneStatement({ ...act, decision });
    const written = await (em ? inTransaction(em, text, values) : this.#database.sql(text, values));
    if (written.length === 0) return false;
    Object.assign(kept, next, { step: kept.step + 1 });
    return true;
  }

  /**
   * Ends a sign-in with all that is written about it: the path at which the browser goes on. Null when another request was
   * first, or what was proved was taken away meanwhile.
   */
  async end(
    uid: string,
    kept: Kept,
    { accountId, result }: { accountId: string; result: Record<string, unknown> },
    act: Omit<Act, 'decision'>,
  ): Promise<string | null> {
    const decision = this.#answering(uid, kept, result, accountId);
    const { text, values } = oneStatement({ ...act, decision });
    const [row] = await this.#database.sql<{ return_to: string }>(text, values);
    return row ? pathOf(row.return_to, uid) : null;
  }

  /**
   * Answers a prompt without a sign-in; returns the path at which the browser continues, null when it has an answer already. An
   * error replaces all results, any other answer is added to the results of earlier prompts.
   */
  async answer(uid: string, result: Record<string, unknown>): Promise<string | null> {
    const earlier = 'error' in result ? `'{}'::jsonb` : `coalesce(payload->'lastSubmission', '{}'::jsonb)`;
    const [row] = await this.#database.sql<{ return_to: string }>(
      `update oidc_artifact set payload = payload || jsonb_build_object('result', ${earlier} || $2::jsonb),
         progress_step = progress_step + 1
       where id_hash = $1 and kind = 'Interaction' and expires_at > $3 and not payload ? 'result'
       returning payload->>'returnTo' as return_to`,
      [sha256(uid), JSON.stringify(result), this.#clock.now()],
    );
    return row ? pathOf(row.return_to, uid) : null;
  }

  #answering(uid: string, { step }: Kept, result: Record<string, unknown>, accountId: string): Part {
    return {
      name: 'answered',
      values: [sha256(uid), JSON.stringify(result), this.#clock.now(), accountId, step],
      text: (at, only) => `
        answered as (update oidc_artifact a set
            payload = a.payload || jsonb_build_object('result', coalesce(a.payload->'lastSubmission', '{}'::jsonb) || ${at(1)}::jsonb),
            progress = null, account_id = ${at(3)}::text, progress_step = a.progress_step + 1
          from (select id_hash from oidc_artifact where id_hash = ${at(0)}::bytea and kind = 'Interaction'
              and expires_at > ${at(2)}::timestamptz and progress_step = ${at(4)}::int and not payload ? 'result'
              and (account_id is null or account_id = ${at(3)}::text) and ${only}
            for update skip locked) free
          where a.id_hash = free.id_hash and a.kind = 'Interaction' returning a.payload->>'returnTo' as return_to)`,
    };
  }

  /** Ends it, for one caller; says which user proved something in it. */
  async take(idHash: Buffer): Promise<{ accountId: string | null } | null> {
    const [row] = await this.#database.sql<{ account_id: string | null }>(
      `delete from oidc_artifact where id_hash = $1 and kind = 'Interaction' returning account_id`,
      [idHash],
    );
    return row ? { accountId: row.account_id } : null;
  }

  /** Reads a question and ends it, for one caller. Null when it is gone, or was asked in a session, which has to be looked at first. */
  async takeOutsideSession(uid: string): Promise<TakenSignIn | null> {
    const [row] = await this.#database.sql<{ payload: Json; account_id: string | null }>(
      `delete from oidc_artifact where id_hash = $1 and kind = 'Interaction' and expires_at > $2
         and payload#>>'{session,uid}' is null returning payload, account_id`,
      [sha256(uid), this.#clock.now()],
    );
    if (!row) return null;
    const { payload, account_id: accountId } = row;
    return { accountId, payload: { ...payload, returnTo: String(payload['returnTo']).replace(OWN_ID, uid) } };
  }

  /** Removes the proofs of a user from every sign-in but one, because the proving credentials are invalid now. */
  async endOf(em: EntityManager, accountId: string, except: string | null): Promise<void> {
    await em.execute(
      `update oidc_artifact set progress = null, account_id = null, progress_step = progress_step + 1
       where account_id = ? and kind = 'Interaction' and id_hash <> ?`,
      [accountId, sha256(except ?? '')],
    );
  }
}

/** Stands for the id of a sign-in in the address that is stored with it. */
export const OWN_ID = '{id}';

/** The path at which a browser goes on when a question has its answer. The stored address begins with the issuer, which may have a path. */
export function pathOf(returnTo: string, uid: string): string {
  const { pathname } = new URL(returnTo.replace(OWN_ID, uid));
  return pathname.slice(pathname.lastIndexOf('/oidc/'));
}
