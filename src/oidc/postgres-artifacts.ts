import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { type Artifact, type ArtifactStore, type Found, type Kind, ofGrant } from './artifact-store.ts';

type Row = { id_hash: Uint8Array; payload: Record<string, unknown> | string; consumed_at: Date | string | null };

const PURGE_BATCH = 5000;
/** A revoked grant keeps its mark until no token that was on its way can come back. */
const KEEP_REVOKED = DAY;

const LIVE_GRANT = `exists (select 1 from oidc_artifact g where g.id_hash = a.grant_hash and g.kind = 'Grant' and g.revoked_at is null)`;
const liveOf = (kind: Kind) =>
  ofGrant.has(kind) ? `and (a.grant_hash is null or ${LIVE_GRANT})` : `and a.revoked_at is null`;

/** The truth: everything single-use or revocable, in one table of PostgreSQL or the embedded database. */
export class PostgresArtifacts implements ArtifactStore {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  async put(kind: Kind, artifact: Artifact): Promise<void> {
    const { idHash, lookupHash, grantHash, accountId, clientId, expiresAt, payload } = artifact;
    await this.#database.sql(
      `insert into oidc_artifact as a (id_hash, kind, lookup_hash, grant_hash, account_id, client_id, expires_at, payload)
       select $1, $2, $3, $4, $5, $6, $7, $8::jsonb
       where $4::bytea is null or $9 or exists (select 1 from oidc_artifact g where g.id_hash = $4 and g.kind = 'Grant' and g.revoked_at is null)
       on conflict (id_hash, kind) do update set lookup_hash = coalesce(excluded.lookup_hash, a.lookup_hash), account_id = excluded.account_id, grant_hash = excluded.grant_hash,
         expires_at = excluded.expires_at, payload = excluded.payload
       where a.revoked_at is null`,
      [
        idHash,
        kind,
        lookupHash,
        grantHash,
        accountId,
        clientId,
        expiresAt,
        JSON.stringify(payload),
        !ofGrant.has(kind),
      ],
    );
  }

  async find(kind: Kind, idHash: Buffer): Promise<Found | null> {
    return found(
      await this.#database.sql<Row>(
        `select a.id_hash, a.payload, a.consumed_at from oidc_artifact a where a.id_hash = $1 and a.kind = '${kind}' ${liveOf(kind)}`,
        [idHash],
      ),
    );
  }

  async findByLookup(kind: Kind, lookupHash: Buffer): Promise<Found | null> {
    return found(
      await this.#database.sql<Row>(
        `select a.id_hash, a.payload, a.consumed_at from oidc_artifact a where a.lookup_hash = $1 and a.kind = '${kind}' ${liveOf(kind)}`,
        [lookupHash],
      ),
    );
  }

  async consume(kind: Kind, idHash: Buffer): Promise<'consumed' | 'spent' | 'unknown'> {
    const changed = await this.#database.sql(
      `update oidc_artifact a set consumed_at = $2 where a.id_hash = $1 and a.kind = '${kind}' and a.consumed_at is null ${liveOf(kind)} returning 1`,
      [idHash, this.#clock.now()],
    );
    if (changed.length > 0) return 'consumed';
    const [spent] = await this.#database.sql<{ grant_hash: Uint8Array | null }>(
      'select grant_hash from oidc_artifact where id_hash = $1 and kind = $2 and consumed_at is not null',
      [idHash, kind],
    );
    if (!spent) return 'unknown';
    if (spent.grant_hash) await this.revokeGrant(Buffer.from(spent.grant_hash));
    return 'spent';
  }

  async insertOnce(kind: Kind, { idHash, expiresAt, payload }: Artifact): Promise<boolean> {
    const rows = await this.#database.sql(
      `insert into oidc_artifact as a (id_hash, kind, expires_at, payload) values ($1, $2, $3, $4::jsonb)
       on conflict (id_hash, kind) do update set expires_at = excluded.expires_at where a.expires_at <= $5 returning 1`,
      [idHash, kind, expiresAt, JSON.stringify(payload), this.#clock.now()],
    );
    return rows.length > 0;
  }

  async remove(kind: Kind, idHash: Buffer): Promise<void> {
    if (kind === 'Grant') return this.revokeGrant(idHash);
    await this.#database.sql('delete from oidc_artifact where id_hash = $1 and kind = $2', [idHash, kind]);
  }

  async removeOfGrant(kind: Kind, grantHash: Buffer): Promise<void> {
    await this.#database.sql('delete from oidc_artifact where grant_hash = $1 and kind = $2', [grantHash, kind]);
  }

  async revokeGrant(grantHash: Buffer): Promise<void> {
    const now = this.#clock.now();
    await this.#database.sql(
      `insert into oidc_artifact as a (id_hash, kind, expires_at, revoked_at, payload) values ($1, 'Grant', $2, $3, '{}'::jsonb)
       on conflict (id_hash, kind) do update set revoked_at = coalesce(a.revoked_at, excluded.revoked_at), expires_at = greatest(a.expires_at, excluded.expires_at)`,
      [grantHash, fromNow(this.#clock, KEEP_REVOKED), now],
    );
    await this.#database.sql(
      `delete from oidc_artifact where grant_hash = $1 and kind <> 'Grant' and consumed_at is null`,
      [grantHash],
    );
  }

  async purge(): Promise<number> {
    const rows = await this.#database.sql(
      'delete from oidc_artifact where ctid in (select ctid from oidc_artifact where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), PURGE_BATCH],
    );
    return rows.length;
  }
}

function found([row]: Row[]): Found | null {
  if (!row) return null;
  return {
    idHash: Buffer.from(row.id_hash),
    payload: typeof row.payload === 'string' ? (JSON.parse(row.payload) as Record<string, unknown>) : row.payload,
    consumedAt: row.consumed_at === null ? null : new Date(row.consumed_at),
  };
}
