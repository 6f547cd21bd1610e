import { createHash } from 'node:crypto';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import type { AuditEvent } from './audit-event.ts';

const INSTANCE_CHAIN = 'instance';

/** What the hash covers, in the order it is hashed. */
type Sealed = {
  id: string;
  chain: string;
  sequence: string;
  at: string;
  type: string;
  actorType: string;
  actorId: string | null;
  subjectType: string | null;
  subjectId: string | null;
  clientId: string | null;
  sessionId: string | null;
  ip: string | null;
  userAgent: string | null;
  requestId: string | null;
  outcome: string;
  details: unknown;
};

export class AuditLog {
  readonly #clock: Clock;
  readonly #database: Database;

  constructor(clock: Clock, database: Database) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Writes one event in the transaction of the act: if it cannot be written, the act does not happen. */
  async record(em: EntityManager, event: AuditEvent): Promise<void> {
    const chain = event.organizationId ?? INSTANCE_CHAIN;
    const head = await this.#takeHead(em, chain);
    const row: Sealed = {
      id: toUuid(newId('evt')),
      chain,
      sequence: String(BigInt(head.sequence) + 1n),
      at: this.#clock.now().toISOString(),
      type: event.type,
      actorType: event.actor.type,
      actorId: event.actor.id ?? null,
      subjectType: event.subject?.type ?? null,
      subjectId: event.subject?.id ?? null,
      clientId: event.clientId ?? null,
      sessionId: event.sessionId ?? null,
      ip: event.visitor?.ip ?? null,
      userAgent: event.visitor?.userAgent ?? null,
      requestId: event.visitor?.requestId ?? null,
      outcome: event.outcome ?? 'success',
      details: event.details ?? {},
    };
    const hash = chainHash(head.hash, row);
    await em.execute(
      `insert into audit_event (id, chain, sequence, at, type, actor_type, actor_id, subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details, hash)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?)`,
      [...Object.values({ ...row, details: JSON.stringify(row.details) }), hash],
    );
    await em.execute('update audit_chain set sequence = ?, hash = ? where chain = ?', [row.sequence, hash, chain]);
  }

  /** Writes one event of an act that has no transaction of its own, such as a refused sign-in. */
  async note(event: AuditEvent): Promise<void> {
    await this.#database.transaction((em) => this.record(em, event));
  }

  /** Recomputes a chain; names the first row that was changed, removed, added or moved. */
  async verify(
    chain = INSTANCE_CHAIN,
  ): Promise<{ intact: true; events: number } | { intact: false; sequence: string }> {
    let previous: Buffer = Buffer.alloc(32);
    let expected = 0n;
    for (;;) {
      const rows = await this.#database.sql(
        `select id, chain, sequence::text, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, type, actor_type as "actorType", actor_id as "actorId", subject_type as "subjectType",
                subject_id as "subjectId", client_id as "clientId", session_id as "sessionId", ip, user_agent as "userAgent", request_id as "requestId", outcome, details::text, hash
         from audit_event e where chain = $1 and e.sequence > $2::bigint order by e.sequence limit 1000`,
        [chain, String(expected)],
      );
      if (rows.length === 0) break;
      for (const { hash, details, ...row } of rows) {
        expected += 1n;
        const sealed = { ...row, details: JSON.parse(String(details)) } as Sealed;
        const computed = chainHash(previous, sealed);
        if (sealed.sequence !== String(expected) || !computed.equals(Buffer.from(hash as Uint8Array)))
          return { intact: false, sequence: sealed.sequence };
        previous = computed;
      }
    }
    const [head] = await this.#database.sql<{ sequence: string }>(
      'select sequence::text from audit_chain where chain = $1',
      [chain],
    );
    return BigInt(head?.sequence ?? '0') === expected
      ? { intact: true, events: Number(expected) }
      : { intact: false, sequence: String(expected + 1n) };
  }

  async #takeHead(em: EntityManager, chain: string): Promise<{ sequence: string; hash: Buffer }> {
    await em.execute(`insert into audit_chain (chain, sequence, hash) values (?, 0, ?) on conflict do nothing`, [
      chain,
      Buffer.alloc(32),
    ]);
    const [head] = await em.execute<{ sequence: string; hash: Uint8Array }[]>(
      'select sequence::text as sequence, hash from audit_chain where chain = ? for update',
      [chain],
    );
    if (!head) throw new Error(`the audit chain ${chain} has no head`);
    return { sequence: head.sequence, hash: Buffer.from(head.hash) };
  }
}

/** jsonb does not keep the order of members, so they are sorted before hashing. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, canonical(v)]),
  );
}

function chainHash(previous: Uint8Array, row: Sealed): Buffer {
  const members = [
    row.id,
    row.chain,
    row.sequence,
    row.at,
    row.type,
    row.actorType,
    row.actorId,
    row.subjectType,
    row.subjectId,
    row.clientId,
    row.sessionId,
    row.ip,
    row.userAgent,
    row.requestId,
    row.outcome,
  ];
  return createHash('sha256')
    .update(previous)
    .update(JSON.stringify([...members, canonical(row.details)]))
    .digest();
}
