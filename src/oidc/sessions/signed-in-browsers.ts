import { type Clock, epochSeconds, SECOND } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Handles } from '../artifacts/handles.ts';
import { type Level, levelOf } from '../levels.ts';
import type { LogoutNotices } from './backchannel-logout.ts';
import type { RecentFinds } from '../artifacts/recent-finds.ts';
import type { LastSeen } from './current-session.ts';

/** One browser in which a user is signed in. Times are NumericDate. */
export type SignedInBrowser = {
  /** Names the session; it is not the cookie and opens nothing. */
  id: string;
  signedInAt: number;
  expiresAt: number;
  lastSeen: LastSeen | null;
  clientIds: readonly string[];
};

type Authorization = { grantId?: string; sid?: string; persistsLogout?: boolean };
type Payload = {
  uid: string;
  accountId: string;
  loginTs?: number;
  acr?: string;
  lastSeen?: LastSeen;
  authorizations?: Record<string, Authorization>;
};
type Row = { payload: Payload; expires_at: Date };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  handles: Pick<Handles, 'lookup'>;
  notices: LogoutNotices;
  recent: Pick<RecentFinds, 'forget'>;
};

/**
 * Sessions of users as they are stored. Ending one leaves a mark, so that a request which holds the session at this moment,
 * on any node, cannot store it again.
 */
export class SignedInBrowsers {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Newest sign-in first. */
  async list(accountId: string): Promise<SignedInBrowser[]> {
    const rows = await this.#deps.database.sql<Row>(
      `select payload, expires_at from oidc_artifact where account_id = $1 and kind = 'Session' and revoked_at is null and expires_at > $2`,
      [accountId, this.#deps.clock.now()],
    );
    return rows.map(readBrowser).sort((a, b) => b.signedInAt - a.signedInAt);
  }

  /** When and how strongly the user last proved who they are in a session; null for one that is over. */
  async findProof(accountId: string, id: string): Promise<{ authTime: number; level: Level } | null> {
    const { clock, database, handles } = this.#deps;
    const [row] = await database.sql<Row>(
      `select payload, expires_at from oidc_artifact where account_id = $1 and kind = 'Session' and lookup_hash = $2
         and revoked_at is null and expires_at > $3`,
      [accountId, handles.lookup(id), clock.now()],
    );
    return row ? { authTime: row.payload.loginTs ?? 0, level: levelOf(row.payload.acr) ?? 1 } : null;
  }

  /** The user has just added a second factor in a session, by a proof of it. */
  async noteEnrolment(em: EntityManager, accountId: string, id: string): Promise<void> {
    const { clock, handles } = this.#deps;
    await em.execute(
      `update oidc_artifact set payload = payload || ?::jsonb
       where account_id = ? and kind = 'Session' and lookup_hash = ? and revoked_at is null`,
      [JSON.stringify({ enrolledAt: epochSeconds(clock) }), accountId, handles.lookup(id)],
    );
  }

  /** The open sessions among the given ones. */
  async open(ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const { clock, database, handles } = this.#deps;
    const hashes = ids.map((id) => handles.lookup(id).toString('hex'));
    const rows = await database.sql<{ id: string }>(
      `select payload->>'uid' as id from oidc_artifact where kind = 'Session' and revoked_at is null and expires_at > $2
         and lookup_hash in (select decode(hash, 'hex') from unnest($1::text[]) hash)`,
      [`{${hashes.join(',')}}`, clock.now()],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Ends one session as a sign-out there would: what the user allowed for longer (`offline_access`) stays. */
  async end(em: EntityManager, accountId: string, id: string): Promise<SignedInBrowser | null> {
    const [row] = await this.#take(em, 'and lookup_hash = ?', [accountId, this.#deps.handles.lookup(id)]);
    if (!row) return null;
    const { authorizations = {} } = row.payload;
    for (const { grantId, persistsLogout } of Object.values(authorizations)) {
      if (grantId && !persistsLogout) await this.#revoke(em, 'and id_hash = ?', [accountId, sha256(grantId)]);
    }
    await this.#tell(em, row);
    return readBrowser(row);
  }

  /** Ends every session and every grant with its codes, access tokens and refresh tokens. */
  async endAll(em: EntityManager, accountId: string): Promise<SignedInBrowser[]> {
    const rows = await this.#take(em, '', [accountId]);
    await this.#revoke(em, '', [accountId]);
    for (const row of rows) await this.#tell(em, row);
    return rows.map(readBrowser);
  }

  /**
   * Ends every session but one, and every grant but those that live with that one: also what applications were allowed for
   * longer (`offline_access`), because it is unknown in which browser that was.
   */
  async endOthers(em: EntityManager, accountId: string, keptId: string): Promise<SignedInBrowser[]> {
    const kept = this.#deps.handles.lookup(keptId);
    const rows = await this.#take(em, 'and lookup_hash <> ?', [accountId, kept]);
    const [row] = await em.execute<Row[]>(
      `select payload, expires_at from oidc_artifact where account_id = ? and kind = 'Session' and lookup_hash = ?`,
      [accountId, kept],
    );
    const own = Object.values(row ? (row.payload.authorizations ?? {}) : {})
      .filter(({ grantId, persistsLogout }) => grantId !== undefined && persistsLogout !== true)
      .map(({ grantId }) => sha256(grantId!).toString('hex'));
    await this.#revoke(em, `and not (encode(id_hash, 'hex') = any(?::text[]))`, [accountId, `{${own.join(',')}}`]);
    for (const ended of rows) await this.#tell(em, ended);
    return rows.map(readBrowser);
  }

  /** Ends what one client was allowed, with the tokens that came of it; the user stays signed in. */
  async endGrants(em: EntityManager, accountId: string, clientId: string): Promise<void> {
    await this.#revoke(em, 'and client_id = ?', [accountId, clientId]);
  }

  /** Deletes all rows of an erased user. Usable ones ended before; other users may still answer an open prompt of the engine. */
  async forget(em: EntityManager, accountId: string): Promise<void> {
    this.#deps.recent.forget();
    await em.execute(`delete from oidc_artifact where account_id = ? and kind <> 'Interaction'`, [accountId]);
  }

  async #take(em: EntityManager, narrower: string, [accountId, ...values]: unknown[]): Promise<Row[]> {
    const now = this.#deps.clock.now();
    this.#deps.recent.forget();
    return em.execute<Row[]>(
      `update oidc_artifact set revoked_at = ? where account_id = ? and kind = 'Session' and revoked_at is null and expires_at > ? ${narrower} returning payload, expires_at`,
      [now, accountId, now, ...values],
    );
  }

  async #revoke(em: EntityManager, narrower: string, [accountId, ...values]: unknown[]): Promise<void> {
    this.#deps.recent.forget();
    await em.execute(
      `update oidc_artifact set revoked_at = ? where account_id = ? and kind = 'Grant' and revoked_at is null ${narrower}`,
      [this.#deps.clock.now(), accountId, ...values],
    );
    await em.execute(
      `delete from oidc_artifact t where kind <> 'Grant' and consumed_at is null and grant_hash in
       (select id_hash from oidc_artifact where account_id = ? and kind = 'Grant' and revoked_at is not null ${narrower})`,
      [accountId, ...values],
    );
  }

  async #tell(em: EntityManager, row: Row): Promise<void> {
    const { accountId, authorizations = {} } = row.payload;
    for (const [clientId, { sid }] of Object.entries(authorizations))
      await this.#deps.notices.send({ clientId, accountId, sid: sid ?? null }, em);
  }
}

function readBrowser(row: Row): SignedInBrowser {
  const { uid, loginTs = 0, lastSeen = null, authorizations = {} } = row.payload;
  const expiresAt = Math.floor(row.expires_at.getTime() / SECOND);
  return { id: uid, signedInAt: loginTs, expiresAt, lastSeen, clientIds: Object.keys(authorizations) };
}
