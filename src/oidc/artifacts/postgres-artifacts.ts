import { type Clock, fromNow } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import {
  type ArtifactStore,
  type Artifact,
  type Batch,
  type Consumed,
  type Found,
  type Kind,
  ofGrant,
  type Rotation,
  type Use,
  type Write,
  type Written,
} from './artifact-store.ts';
import { consuming, putting, repeating, writing } from './artifact-statements.ts';
import { KEEP_REVOKED } from '../lifetimes.ts';
import { MOST_REPEATS, MOST_WRITE_TRIES, PURGE_BATCH } from '../limits.ts';

type Json = Record<string, unknown>;
type Row = { id_hash: Uint8Array; payload: Json; consumed_at: Date | null; successor_hash?: Uint8Array | null };
type Companions = {
  grant_hash: Uint8Array | null;
  grant_payload: Json | null;
  session_hash: Uint8Array | null;
  session_id: Uint8Array | null;
  session_payload: Json | null;
};

const WITH_COMPANIONS = `
  select a.id_hash, a.payload, a.consumed_at, a.successor_hash, a.grant_hash, g.payload as grant_payload,
    a.session_hash, s.id_hash as session_id, s.payload as session_payload
  from oidc_artifact a
  left join oidc_artifact g on g.id_hash = a.grant_hash and g.kind = 'Grant' and g.revoked_at is null
  left join oidc_artifact s on s.lookup_hash = a.session_hash and s.kind = 'Session' and s.revoked_at is null`;
const isLive = `and (a.grant_hash is null or g.id_hash is not null)`;

/**
 * `on conflict` watches the key alone. Of several that write one row at once, PostgreSQL may see a conflict of the second
 * index first and report that; another try sees the row. A session that still conflicts was renamed meanwhile: what an
 * older request has to say about it is void.
 */
async function patiently(store: () => Promise<unknown[]>, kind: Kind): Promise<unknown[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await store();
    } catch (error) {
      if (!isLookupTaken(error) || (tries === MOST_WRITE_TRIES && kind !== 'Session')) throw error;
      if (tries === MOST_WRITE_TRIES) return [];
    }
  }
}

function isLookupTaken(error: unknown): boolean {
  return error instanceof Error && 'constraint' in error && error.constraint === 'oidc_artifact_lookup_unique';
}

/** The truth: everything single-use or revocable, in one table of PostgreSQL or the embedded database. */
export class PostgresArtifacts implements ArtifactStore {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  async put(kind: Kind, artifact: Artifact): Promise<boolean> {
    const { text, values } = putting(kind, artifact);
    return (await patiently(() => this.#database.sql(text, values), kind)).length > 0;
  }

  /** The writes of one request in one statement: nothing is stored when the consumed artifact was consumed before. */
  async write({ consumed, puts }: Batch): Promise<Written> {
    if (consumed?.rotation?.isRepeat) return this.#repeat(consumed, consumed.rotation, puts);
    if (puts.length === 0) return consumed === null ? 'consumed' : this.consume(consumed.kind, consumed.idHash);
    const [put] = puts;
    if (consumed === null && puts.length === 1 && put) {
      await this.put(put.kind, put.artifact);
      return 'consumed';
    }
    const { text, values } = writing({ consumed, puts }, this.#clock.now());
    try {
      const [row] = await this.#database.sql<{ used: boolean }>(text, values);
      if (consumed === null || row?.used === true) return 'consumed';
      if (consumed.rotation) return await this.#repeat(consumed, consumed.rotation, puts);
      return await this.#lost(consumed.kind, consumed.idHash);
    } catch (error) {
      if (!isLookupTaken(error)) throw error;
    }
    // One after the other, where each tries again by itself.
    const outcome = consumed === null ? 'consumed' : await this.consume(consumed.kind, consumed.idHash);
    if (outcome === 'consumed') for (const { kind, artifact } of puts) await this.put(kind, artifact);
    return outcome;
  }

  async find(kind: Kind, idHash: Buffer): Promise<Found | null> {
    return this.#find(kind, 'id_hash', idHash);
  }

  async findByLookup(kind: Kind, lookupHash: Buffer): Promise<Found | null> {
    return this.#find(kind, 'lookup_hash', lookupHash);
  }

  async #find(kind: Kind, column: 'id_hash' | 'lookup_hash', hash: Buffer): Promise<Found | null> {
    if (ofGrant.has(kind)) {
      const text = `${WITH_COMPANIONS} where a.${column} = $1 and a.kind = '${kind}' ${isLive}`;
      const [row] = await this.#database.sql<Row & Companions>(text, [hash]);
      return row ? { ...found(row), ...companions(row) } : null;
    }
    const text = `select id_hash, payload, consumed_at from oidc_artifact where ${column} = $1 and kind = '${kind}' and revoked_at is null`;
    const [row] = await this.#database.sql<Row>(text, [hash]);
    return row ? found(row) : null;
  }

  async consume(kind: Kind, idHash: Buffer): Promise<Consumed> {
    const changed = await this.#database.sql(consuming(kind, '$1', '$2'), [idHash, this.#clock.now()]);
    if (changed.length > 0) return 'consumed';
    const outcome = await this.#lost(kind, idHash);
    return outcome === 'over' ? 'spent' : outcome;
  }

  /** A refresh token that was used a moment ago has the same successor again, as long as nothing used that. */
  async #repeat(use: Use, rotation: Rotation, puts: readonly Write[]): Promise<Written> {
    const { text, values } = repeating(use, rotation, puts);
    const [row] = await this.#database.sql<{ successor_hash: Uint8Array; repeats: number }>(text, values);
    if (!row) return this.#lost(use.kind, use.idHash);
    return row.repeats > MOST_REPEATS ? 'exhausted' : { successorHash: Buffer.from(row.successor_hash) };
  }

  /** The second request ends the grant; `over` for the third. */
  async #lost(kind: Kind, idHash: Buffer): Promise<'spent' | 'over' | 'unknown'> {
    const [spent] = await this.#database.sql<{ grant_hash: Uint8Array | null }>(
      'select grant_hash from oidc_artifact where id_hash = $1 and kind = $2 and consumed_at is not null',
      [idHash, kind],
    );
    if (!spent) return 'unknown';
    const isFirst = spent.grant_hash === null || (await this.#revoke(Buffer.from(spent.grant_hash)));
    return isFirst ? 'spent' : 'over';
  }

  async insertOnce(kind: Kind, { idHash, expiresAt }: Pick<Artifact, 'idHash' | 'expiresAt'>): Promise<boolean> {
    const rows = await this.#database.sql(
      `insert into oidc_artifact as a (id_hash, kind, expires_at, payload) values ($1, $2, $3, '{}'::jsonb)
       on conflict (id_hash, kind) do update set expires_at = excluded.expires_at where a.expires_at <= $4 returning 1`,
      [idHash, kind, expiresAt, this.#clock.now()],
    );
    return rows.length > 0;
  }

  async remove(kind: Kind, idHash: Buffer): Promise<boolean> {
    if (kind === 'Grant') return this.#revoke(idHash);
    const text = 'delete from oidc_artifact where id_hash = $1 and kind = $2 and revoked_at is null returning 1';
    return (await this.#database.sql(text, [idHash, kind])).length > 0;
  }

  async removeOfGrant(kind: Kind, grantHash: Buffer): Promise<void> {
    await this.#database.sql('delete from oidc_artifact where grant_hash = $1 and kind = $2', [grantHash, kind]);
  }

  async revokeGrant(grantHash: Buffer): Promise<void> {
    await this.#revoke(grantHash);
  }

  async #revoke(grantHash: Buffer): Promise<boolean> {
    const isFirst = await this.end('Grant', grantHash, fromNow(this.#clock, KEEP_REVOKED));
    // A consumed artifact stays, so that its reuse is recognized.
    const text = `delete from oidc_artifact where grant_hash = $1 and consumed_at is null`;
    await this.#database.sql(text, [grantHash]);
    return isFirst;
  }

  /** Leaves a mark that this is over, whether or not it is stored here; true to the first who says so. */
  async end(kind: Kind, idHash: Buffer, keepUntil: Date): Promise<boolean> {
    const rows = await this.#database.sql(
      `insert into oidc_artifact as a (id_hash, kind, expires_at, revoked_at, payload) values ($1, $2, $3, $4, '{}'::jsonb)
       on conflict (id_hash, kind) do update set
         revoked_at = excluded.revoked_at, expires_at = greatest(a.expires_at, excluded.expires_at)
       where a.revoked_at is null returning 1`,
      [idHash, kind, keepUntil, this.#clock.now()],
    );
    return rows.length > 0;
  }

  /** Tells what was ended here, or never was here, from each other. */
  async findOrEnd(kind: Kind, idHash: Buffer): Promise<Found | 'ended' | null> {
    const text = `select id_hash, payload, consumed_at, revoked_at from oidc_artifact where id_hash = $1 and kind = '${kind}'`;
    const [row] = await this.#database.sql<Row & { revoked_at: Date | null }>(text, [idHash]);
    if (!row) return null;
    return row.revoked_at === null ? found(row) : 'ended';
  }

  /** Gives a session another id; one that was ended stays ended under it. */
  async rename(from: Buffer, to: Buffer): Promise<void> {
    await this.#database.sql(`update oidc_artifact set id_hash = $2 where id_hash = $1 and kind = 'Session'`, [
      from,
      to,
    ]);
  }

  /** Remembers a poll for a device code (RFC 8628 §3.5). False when it came too soon: then the interval grows. */
  async notePoll(idHash: Buffer, { interval, tolerance, growth }: PollRules): Promise<boolean> {
    const [row] = await this.#database.sql<{ too_soon: boolean }>(
      `update oidc_artifact a set payload = payload || jsonb_build_object('poll', jsonb_build_object(
         'at', $2::bigint, 'tooSoon', p.too_soon, 'interval', p.interval + case when p.too_soon then $5::int else 0 end))
       from (select coalesce((payload#>>'{poll,interval}')::int, $3::int) as interval,
               coalesce($2::bigint - (payload#>>'{poll,at}')::bigint
                 < coalesce((payload#>>'{poll,interval}')::int, $3::int) - $4::int, false) as too_soon
             from oidc_artifact where id_hash = $1 and kind = 'DeviceCode' for update) p
       where a.id_hash = $1 and a.kind = 'DeviceCode' returning p.too_soon`,
      [idHash, this.#clock.now().getTime(), interval, tolerance, growth],
    );
    return row?.too_soon !== true;
  }

  async purge(): Promise<number> {
    const rows = await this.#database.sql(
      'delete from oidc_artifact where ctid in (select ctid from oidc_artifact where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), PURGE_BATCH],
    );
    return rows.length;
  }
}

/** All in milliseconds. */
export type PollRules = { interval: number; tolerance: number; growth: number };

function found({ id_hash: idHash, payload, consumed_at: consumedAt, successor_hash: successorHash }: Row): Found {
  return {
    idHash: Buffer.from(idHash),
    payload,
    consumedAt,
    ...(successorHash ? { successorHash: Buffer.from(successorHash) } : {}),
  };
}

function companions(row: Companions): Pick<Found, 'grant' | 'session'> {
  const of = (id: Uint8Array | null, payload: Json | null): Found | null =>
    id && payload !== null ? { idHash: Buffer.from(id), payload, consumedAt: null } : null;
  return {
    ...(row.grant_hash ? { grant: of(row.grant_hash, row.grant_payload) } : {}),
    ...(row.session_hash ? { session: of(row.session_id, row.session_payload) } : {}),
  };
}
