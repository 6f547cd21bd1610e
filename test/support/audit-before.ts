/** How nodes of the release before write events: chained by hashes, behind one row that every act updates. */
import { createHash, randomBytes } from 'node:crypto';
import type { AuditEvent } from '#audit/module.ts';
import type { Database } from '#kernel/database.ts';
import { systemClock } from '#kernel/clock.ts';
import { newId, toUuid } from '#kernel/ids.ts';

const COLUMNS =
  'id, chain, sequence, at, type, actor_type, actor_id, subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details, salt, digest, hash';

const sealed = (before: string, sequence: string) =>
  `sha256(${before} || convert_to((select prefix from given) || ${sequence} || (select suffix from given), 'UTF8'))`;
const types = ['text', 'text', 'uuid', 'text', 'timestamptz', ...Array.from({ length: 11 }, () => 'text')];

export const RECORD_BEFORE = `
  with given (prefix, suffix, id, chain, at, type, actor_type, actor_id, subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details, salt, digest) as (
    values (${[...types, 'jsonb', 'text', 'text'].map((type, i) => `$${i + 1}::${type}`).join(', ')})
  ), head as (
    insert into audit_chain as c (chain, sequence, hash) select chain, 1, ${sealed(`decode(repeat('00', 32), 'hex')`, `'1'`)} from given
    on conflict (chain) do update set sequence = c.sequence + 1, hash = ${sealed('c.hash', '(c.sequence + 1)::text')}
    returning sequence, hash
  ), event as (
    insert into audit_event (${COLUMNS})
    select id, chain, head.sequence, at, type, actor_type, actor_id, subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details, salt, digest, head.hash
    from given, head)
  select 1`;

const FORGET = `
  update audit_event set ip = null, user_agent = null, details = '{}'::jsonb, salt = null
  where digest is not null and ((subject_type = 'user' and subject_id = $1) or (actor_type = 'user' and actor_id = $1))`;

const LIST = `
  select id, at, type, actor_type, client_id, ip, user_agent, outcome, details from audit_event
  where subject_type = 'user' and subject_id = $1 order by at desc, id desc limit 10`;

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
};

/** The values of `RECORD_BEFORE` for one event. */
export function valuesBefore({ actor, subject, visitor, ...event }: AuditEvent): unknown[] {
  const id = toUuid(newId('evt'));
  const chain = event.organizationId ?? 'instance';
  const at = systemClock.now().toISOString();
  const who = [event.type.name, actor.type, actor.id ?? null, subject?.type ?? null, subject?.id ?? null];
  const where = [event.clientId ?? null, event.sessionId ?? null];
  const [ip, userAgent, requestId] = [visitor?.ip ?? null, visitor?.userAgent ?? null, visitor?.requestId ?? null];
  const outcome = event.outcome ?? 'success';
  const details = event.details ?? {};
  const salt = randomBytes(16).toString('base64url');
  const rest = JSON.stringify([salt, ip, userAgent, sorted(details)]);
  const digest = createHash('sha256').update(rest).digest('hex');
  const suffix = `",${JSON.stringify([at, ...who, ...where, requestId, outcome, digest]).slice(1)}`;
  return [
    `${JSON.stringify([id, chain]).slice(0, -1)},"`,
    suffix,
    id,
    chain,
    at,
    ...who,
    ...where,
    ip,
    userAgent,
    requestId,
    outcome,
    JSON.stringify(details),
    salt,
    digest,
  ];
}

/** A node of the release before, as far as the record goes. */
export function auditBefore(database: Pick<Database, 'sql'>) {
  return {
    note: async (event: AuditEvent) => void (await database.sql(RECORD_BEFORE, valuesBefore(event))),
    forgetPerson: async (userId: string) => void (await database.sql(FORGET, [userId])),
    listOfUser: (userId: string) => database.sql(LIST, [userId]),
  };
}

/** Writes many events of that release at once. */
export async function fillBefore(database: Pick<Database, 'sql'>, events: readonly AuditEvent[]): Promise<void> {
  const heads = new Map<string, { sequence: number; hash: Buffer }>();
  const rows = events.map((event) => {
    const [prefix, suffix, ...values] = valuesBefore(event);
    const chain = values[1] as string;
    const { sequence, hash } = heads.get(chain) ?? { sequence: 0, hash: Buffer.alloc(32) };
    const next = createHash('sha256')
      .update(hash)
      .update(`${prefix as string}${sequence + 1}${suffix as string}`)
      .digest();
    heads.set(chain, { sequence: sequence + 1, hash: next });
    const names = COLUMNS.split(', ').filter((name) => name !== 'sequence' && name !== 'hash');
    const row = Object.fromEntries(names.map((name, position) => [name, values[position]]));
    const details = JSON.parse(row['details'] as string) as unknown;
    return { ...row, details, sequence: sequence + 1, hash: `\\x${next.toString('hex')}` };
  });
  for (let i = 0; i < rows.length; i += 5000)
    await database.sql(
      `insert into audit_event (${COLUMNS}) select ${COLUMNS} from jsonb_populate_recordset(null::audit_event, $1::jsonb)`,
      [JSON.stringify(rows.slice(i, i + 5000))],
    );
  const ends = [...heads].map(([chain, { sequence, hash }]) => ({
    chain,
    sequence,
    hash: `\\x${hash.toString('hex')}`,
  }));
  await database.sql(
    `insert into audit_chain (chain, sequence, hash) select chain, sequence, hash from jsonb_populate_recordset(null::audit_chain, $1::jsonb)`,
    [JSON.stringify(ends)],
  );
}
