import {
  type Artifact,
  type Batch,
  type Kind,
  ofGrant,
  type Rotation,
  type Use,
  type Write,
} from './artifact-store.ts';
import { MOST_REPEATS } from '../limits.ts';

type Statement = { text: string; values: unknown[] };

const isLiveGrant = (hash: string): string =>
  `exists (select 1 from oidc_artifact g where g.id_hash = ${hash} and g.kind = 'Grant' and g.revoked_at is null)`;

/** Consumes an artifact, if it is not consumed yet. `successor` is the parameter with the hash of what replaces it. */
export function consuming(kind: Kind, idHash: string, at: string, successor?: string): string {
  const replaced = successor === undefined ? '' : `, successor_hash = ${successor}`;
  return `update oidc_artifact a set consumed_at = ${at}${replaced} where a.id_hash = ${idHash} and a.kind = '${kind}' and a.consumed_at is null
    and ${ofGrant.has(kind) ? `(a.grant_hash is null or ${isLiveGrant('a.grant_hash')})` : 'a.revoked_at is null'} returning 1`;
}

/** Writes an artifact or replaces it. `first` is the number of its first parameter. */
export function putting(kind: Kind, artifact: Artifact, first = 1, { grant, only }: Conditions = {}): Statement {
  const { idHash, lookupHash, grantHash, sessionHash, accountId, clientId, expiresAt, stage, payload } = artifact;
  // Every device code is read by its stage, and nothing else has one: it needs no column.
  const text = JSON.stringify(stage === null ? payload : { ...payload, stage });
  const at = (place: number): string => `$${first + place}`;
  const conditions = [
    ...(ofGrant.has(kind) ? [`(${at(2)}::bytea is null or ${grant ?? isLiveGrant(at(2))})`] : []),
    ...(only === undefined ? [] : [only]),
  ];
  return {
    text: `insert into oidc_artifact as a
         (id_hash, kind, lookup_hash, grant_hash, session_hash, account_id, client_id, expires_at, payload)
       select ${at(0)}::bytea, '${kind}', ${at(1)}::bytea, ${at(2)}::bytea, ${at(3)}::bytea, ${at(4)}, ${at(5)}, ${at(6)}::timestamptz, ${at(7)}::jsonb
       ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
       on conflict (id_hash, kind) do update set
         lookup_hash = coalesce(excluded.lookup_hash, a.lookup_hash), grant_hash = excluded.grant_hash,
         session_hash = excluded.session_hash, expires_at = excluded.expires_at, payload = excluded.payload
         ${kind === 'Interaction' ? '' : ', account_id = excluded.account_id'}
       where a.revoked_at is null ${stage === null ? '' : `and (a.payload->>'stage')::int < (excluded.payload->>'stage')::int`}
       returning 1`,
    values: [idHash, lookupHash, grantHash, sessionHash, accountId, clientId, expiresAt, text],
  };
}

/** Instead of asking whether the grant is stored; what has to be true as well. */
type Conditions = { grant?: string | undefined; only?: string | undefined };

/** Several writes of one request. They do not see each other's rows, so a code refers to its grant by the name of that part. */
export function writing({ consumed, puts }: Batch, now: Date): Statement {
  const successor = consumed?.rotation?.successorHash;
  const values: unknown[] = consumed === null ? [] : [consumed.idHash, now, ...(successor ? [successor] : [])];
  const parts = consumed ? [`used as (${consuming(consumed.kind, '$1', '$2', successor && '$3')})`] : [];
  for (const [place, { kind, artifact }] of puts.entries()) {
    const own = puts.findIndex(
      (put) => put.kind === 'Grant' && artifact.grantHash !== null && put.artifact.idHash.equals(artifact.grantHash),
    );
    const put = putting(kind, artifact, values.length + 1, {
      grant: own === -1 ? undefined : `exists (select 1 from put_${own})`,
      only: consumed === null ? undefined : 'exists (select 1 from used)',
    });
    parts.push(`put_${place} as (${put.text})`);
    values.push(...put.values);
  }
  const used = consumed === null ? 'true' : 'exists (select 1 from used)';
  return { text: `with ${parts.join(',\n')} select ${used} as used`, values };
}

/**
 * Answers a consumed artifact again: counts the answer, and writes access tokens for it. Nothing is written when it was consumed too long
 * ago, when its successor was used or is gone, when the grant is over, or when there were too many answers.
 */
export function repeating({ kind, idHash }: Use, { since }: Rotation, puts: readonly Write[]): Statement {
  const values: unknown[] = [idHash, since];
  const parts = [
    `held as (update oidc_artifact a set repeats = a.repeats + 1 from oidc_artifact n
       where a.id_hash = $1 and a.kind = '${kind}' and a.consumed_at > $2 and ${isLiveGrant('a.grant_hash')}
         and n.id_hash = a.successor_hash and n.kind = '${kind}' and n.consumed_at is null
       returning a.successor_hash, a.repeats)`,
  ];
  for (const [place, { artifact }] of puts.filter((put) => put.kind === 'AccessToken').entries()) {
    const only = `exists (select 1 from held where repeats <= ${MOST_REPEATS})`;
    const put = putting('AccessToken', artifact, values.length + 1, { only });
    parts.push(`put_${place} as (${put.text})`);
    values.push(...put.values);
  }
  return { text: `with ${parts.join(',\n')} select successor_hash, repeats from held`, values };
}
