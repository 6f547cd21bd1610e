import { createHash } from 'node:crypto';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { randomSecret, sha256 } from '#kernel/crypto.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import type { AuditEvent } from './event-type.ts';

const INSTANCE_CHAIN = 'instance';
/** Bytes of SHA-256; a chain begins with as many zeros. */
const HASH_LENGTH = 32;
const SALT_BYTES = 16;

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
  /** With the digest: what the hash covers of the members that may have to be forgotten. Null when they were. */
  salt: string | null;
  /** Null for events that were written before there was one: theirs are hashed as they are. */
  digest: string | null;
};

/**
 * One statement moves the head of the chain, seals the event with it and writes it, so that the head is locked for no longer
 * than that: everything that is recorded waits for it. `c.hash` and `c.sequence` are those of whoever was last.
 */
const SEAL = (place: (position: number) => string, only = 'true') => {
  const given = (from: number, types: readonly string[]) =>
    types.map((type, i) => `${place(from + i)}::${type}`).join(', ');
  const sealed = (before: string, sequence: string) =>
    `sha256(${before} || convert_to((select prefix from given) || ${sequence} || (select suffix from given), 'UTF8'))`;
  return `
    given (prefix, suffix, id, chain, at, type, actor_type, actor_id, subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details, salt, digest) as (
      values (${given(1, ['text', 'text', 'uuid', 'text', 'timestamptz'])}, ${given(
        6,
        Array.from({ length: 11 }, () => 'text'),
      )}, ${given(17, ['jsonb', 'text', 'text'])})
    ), head as (
      insert into audit_chain as c (chain, sequence, hash) select chain, 1, ${sealed(`decode(repeat('00', ${HASH_LENGTH}), 'hex')`, `'1'`)} from given where ${only}
      on conflict (chain) do update set sequence = c.sequence + 1, hash = ${sealed('c.hash', '(c.sequence + 1)::text')}
      returning sequence, hash
    ), event as (
    insert into audit_event (id, chain, sequence, at, type, actor_type, actor_id, subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details, salt, digest, hash)
    select id, chain, head.sequence, at, type, actor_type, actor_id, subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details, salt, digest, head.hash
    from given, head)`;
};
const RECORD_PREPARED = `with ${SEAL((position) => `$${position}`)} select 1`;
const RECORD_IN_TRANSACTION = `with ${SEAL(() => '?')} select 1`;

/** Locks the head of a chain and says where it stands. */
const HEAD = `
  insert into audit_chain as c (chain, sequence, hash) values (?, 0, decode(repeat('00', ${HASH_LENGTH}), 'hex'))
  on conflict (chain) do update set sequence = c.sequence returning sequence::text, hash`;
const APPEND = `
  insert into audit_event (id, chain, sequence, at, type, actor_type, actor_id, subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details, salt, digest, hash)
  select id, chain, sequence, at, type, "actorType", "actorId", "subjectType", "subjectId", "clientId", "sessionId", ip, "userAgent", "requestId", outcome, details, salt, digest, decode(hash, 'hex')
  from jsonb_to_recordset(?::jsonb) as r (id uuid, chain text, sequence bigint, at timestamptz, type text, "actorType" text, "actorId" text, "subjectType" text, "subjectId" text,
    "clientId" text, "sessionId" text, ip text, "userAgent" text, "requestId" text, outcome text, details jsonb, salt text, digest text, hash text)`;

export class AuditLog {
  readonly #clock: Clock;
  readonly #database: Database;

  constructor(clock: Clock, database: Database) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Writes one event in the transaction of the act: if it cannot be written, the act does not happen. */
  async record(em: EntityManager, event: AuditEvent): Promise<void> {
    await em.execute(RECORD_IN_TRANSACTION, this.#values(event));
  }

  /** Writes one event of an act that has no transaction of its own, such as a refused sign-in. */
  async note(event: AuditEvent): Promise<void> {
    await this.#database.sql(RECORD_PREPARED, this.#values(event));
  }

  /** The part of an act that is one statement: its event, and the head of the chain, which is locked first. */
  part(event: AuditEvent): { lock: Part; event: Part } {
    const { organizationId = INSTANCE_CHAIN } = event;
    return {
      lock: {
        name: 'chain',
        values: [organizationId],
        text: (at) => `chain as (select 1 from audit_chain where chain = ${at(0)}::text for update)`,
      },
      event: { name: 'event', values: this.#values(event), text: (at, only) => SEAL((place) => at(place - 1), only) },
    };
  }

  /**
   * Writes many events of one act in its transaction, one after the other in their chain. The head is locked from here to the
   * end of the transaction, so this comes last in it.
   */
  async recordAll(em: EntityManager, events: readonly AuditEvent[]): Promise<void> {
    const rows = events.map((event) => this.#row(event));
    for (const [chain, links] of Map.groupBy(rows, (row) => row.chain)) await this.#append(em, chain, links);
  }

  async #append(em: EntityManager, chain: string, links: readonly Omit<Sealed, 'sequence'>[]): Promise<void> {
    const [head] = await em.execute<{ sequence: string; hash: Uint8Array }[]>(HEAD, [chain]);
    let previous: Uint8Array = head!.hash;
    let sequence = BigInt(head!.sequence);
    const sealed = links.map((link) => {
      sequence += 1n;
      const row = { ...link, sequence: String(sequence) };
      previous = chainHash(previous, row);
      return { ...row, hash: Buffer.from(previous).toString('hex') };
    });
    await em.execute(APPEND, [JSON.stringify(sealed)]);
    await em.execute('update audit_chain set sequence = ?::bigint, hash = ? where chain = ?', [
      String(sequence),
      Buffer.from(previous),
      chain,
    ]);
  }

  #values(event: AuditEvent): unknown[] {
    const row = this.#row(event);
    // The database alone knows the number, so it gets what is hashed before it and after it.
    return [...sealedText(row), ...Object.values({ ...row, details: JSON.stringify(row.details) })];
  }

  #row(event: AuditEvent): Omit<Sealed, 'sequence'> {
    const row = {
      id: toUuid(newId('evt')),
      chain: event.organizationId ?? INSTANCE_CHAIN,
      at: this.#clock.now().toISOString(),
      type: event.type.name,
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
      salt: randomSecret(SALT_BYTES),
    };
    return { ...row, digest: digestOf(row) };
  }

  /**
   * Takes from the events of somebody who was erased what is personal: addresses, browsers, details. That something happened,
   * and to which id, stays, and the chain holds: it covers these members by a digest alone, which tells nothing without its
   * salt. The caller records `user.erased` in the same transaction, without which a forgotten event counts as tampered with.
   */
  async forgetPerson(em: EntityManager, userId: string): Promise<void> {
    await em.execute(
      `update audit_event set ip = null, user_agent = null, details = '{}'::jsonb, salt = null
       where digest is not null and ((subject_type = 'user' and subject_id = ?) or (actor_type = 'user' and actor_id = ?))`,
      [userId, userId],
    );
  }

  /** Recomputes a chain; names the first row that was changed, removed, added or moved. */
  async verify(
    chain = INSTANCE_CHAIN,
  ): Promise<{ intact: true; events: number } | { intact: false; sequence: string }> {
    let previous: Buffer = Buffer.alloc(HASH_LENGTH);
    let expected = 0n;
    for (;;) {
      const rows = await this.#database.sql(
        `select id, chain, sequence::text, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, type, actor_type as "actorType", actor_id as "actorId", subject_type as "subjectType",
                subject_id as "subjectId", client_id as "clientId", session_id as "sessionId", ip, user_agent as "userAgent", request_id as "requestId", outcome, details::text, salt, digest, hash,
                salt is not null or digest is null or exists (select 1 from audit_event x
                  where x.type = 'user.erased' and x.subject_id in (e.subject_id, e.actor_id)) as "isKnown"
         from audit_event e where chain = $1 and e.sequence > $2::bigint order by e.sequence limit 1000`,
        [chain, String(expected)],
      );
      if (rows.length === 0) break;
      for (const { hash, details, isKnown, ...row } of rows) {
        expected += 1n;
        const sealed = { ...row, details: JSON.parse(String(details)) } as Sealed;
        const computed = chainHash(previous, sealed);
        const isWhole = sealed.salt === null ? isKnown === true && isBare(sealed) : sealed.digest === digestOf(sealed);
        if (sealed.sequence !== String(expected) || !isWhole || !computed.equals(Buffer.from(hash as Uint8Array)))
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
  return createHash('sha256').update(previous).update(sealedText(row).join(row.sequence)).digest();
}

/** Nothing was written where somebody was forgotten. */
function isBare({ digest, ip, userAgent, details }: Sealed): boolean {
  return digest === null || (ip === null && userAgent === null && JSON.stringify(details) === '{}');
}

/** Of the members of an event that are forgotten with a person. */
function digestOf({ salt, ip, userAgent, details }: Pick<Sealed, 'salt' | 'ip' | 'userAgent' | 'details'>): string {
  return sha256(JSON.stringify([salt, ip, userAgent, canonical(details)])).toString('hex');
}

/** What is hashed of a row, a JSON array: its text before the number of the row in the chain, and after it. */
function sealedText(row: Omit<Sealed, 'sequence'>): [string, string] {
  const { at, type, actorType, actorId, subjectType, subjectId, clientId, sessionId, requestId, outcome } = row;
  const who = [at, type, actorType, actorId, subjectType, subjectId, clientId, sessionId];
  const after =
    row.digest === null
      ? [...who, row.ip, row.userAgent, requestId, outcome, canonical(row.details)]
      : [...who, requestId, outcome, row.digest];
  return [`${JSON.stringify([row.id, row.chain]).slice(0, -1)},"`, `",${JSON.stringify(after).slice(1)}`];
}
