import type { Database } from '#kernel/database.ts';
import { fromUuid, type Id, parseId, toUuid } from '#kernel/ids.ts';
import { type Page, pageOf, type PageRequest, pageSql } from '#kernel/operations/list-operation.ts';
import { everydayTypes } from './audit-tables.ts';

/** An event with everything that is stored about it. */
export type FoundEvent = {
  id: Id<'evt'>;
  at: Date;
  type: string;
  outcome: string;
  actor: { type: string; id: string | null };
  subject: { type: string; id: string } | null;
  organizationId: string | null;
  clientId: string | null;
  sessionId: string | null;
  ip: string | null;
  userAgent: string | null;
  requestId: string | null;
  details: Readonly<Record<string, unknown>>;
};

export type EventFilters = {
  types?: readonly string[] | undefined;
  /** An id, with the type of the thing where it does not follow from the id. */
  subject?: { type: string; id: string } | undefined;
  actorId?: string | undefined;
  /** Events about the user, and events that the user caused. */
  userId?: string | undefined;
  organizationId?: string | undefined;
  clientId?: string | undefined;
  sessionId?: string | undefined;
  ip?: string | undefined;
  outcome?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
};

type Row = {
  id: string;
  at: Date;
  type: string;
  outcome: string;
  actor_type: string;
  actor_id: string | null;
  subject_type: string | null;
  subject_id: string | null;
  organization_id: string | null;
  client_id: string | null;
  session_id: string | null;
  ip: string | null;
  user_agent: string | null;
  request_id: string | null;
  details: Record<string, unknown> | null;
};

/** The text of the partial index by type: the planner takes the index where a statement says the same. */
const RARE = everydayTypes.map((type) => `e.type <> '${type}'`).join(' and ');
/** Events of an actor about something else have an index of their own; those about the actor are found as such. */
const ABOUT_OTHERS = '(e.actor_type is distinct from e.subject_type or e.actor_id is distinct from e.subject_id)';

/** Searches the audit log, in the order of time. Each filter that names something is carried by an index. */
export class EventSearch {
  readonly #database: Pick<Database, 'sql'>;

  constructor(database: Pick<Database, 'sql'>) {
    this.#database = database;
  }

  /** A page of the events that match. */
  async page(filters: EventFilters, page: PageRequest): Promise<Page<FoundEvent>> {
    const values: unknown[] = [];
    const branches = branchesOf(filters, values);
    const { where, order } = pageSql(page, ['e.at', 'e.id'], values);
    const found = branches.map((branch) => `(${selectOf(filters, `${branch} and ${where}`)} ${order})`);
    const [rows, total] = await Promise.all([
      this.#database.sql<Row>(
        `select e.*, d.ip, d.user_agent, d.request_id, d.details
         from (select * from (${found.join(' union all ')}) e ${order}) e
         left join audit_detail d on d.event_id = e.id and d.at = e.at ${order}`,
        values,
      ),
      page.wantsTotal ? this.#count(filters) : undefined,
    ]);
    return { ...pageOf(rows, page, { show: eventOf, positionOf: ({ at, id }) => [at.toISOString(), id] }), total };
  }

  /** By its id; of an organization only its own events. */
  async find(id: Id<'evt'>, organizationId?: string): Promise<FoundEvent | null> {
    const [row] = await this.#database.sql<Row>(
      `select e.*, d.ip, d.user_agent, d.request_id, d.details from (${COLUMNS} where e.id = $1
         and ($2::text is null or e.organization_id = $2)) e
       left join audit_detail d on d.event_id = e.id and d.at = e.at`,
      [toUuid(id), organizationId ?? null],
    );
    return row ? eventOf(row) : null;
  }

  async #count(filters: EventFilters): Promise<number> {
    const values: unknown[] = [];
    const branches = branchesOf(filters, values);
    const [row] = await this.#database.sql<{ total: string }>(
      `select count(*)::text as total from (${branches.map((branch) => selectOf(filters, branch)).join(' union all ')}) e`,
      values,
    );
    return Number(row?.total ?? 0);
  }
}

const COLUMNS = `select e.id, e.at, e.type, e.outcome, e.actor_type, e.actor_id, e.subject_type, e.subject_id, e.organization_id,
  e.client_id, e.session_id from audit_event e`;

const selectOf = ({ ip }: EventFilters, where: string): string =>
  `${COLUMNS}${ip === undefined ? '' : ' join audit_detail d on d.event_id = e.id and d.at = e.at'} where ${where}`;

/** The condition; of an actor and of a user two of them, which no event meets both, because each has an index. */
function branchesOf(filters: EventFilters, values: unknown[]): string[] {
  const { types, subject, actorId, organizationId, clientId, sessionId, ip, outcome, since, until } = filters;
  const { userId } = filters;
  const is = (column: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`${column} = $${values.push(value)}`];
  const all = [
    ...(types === undefined ? [] : [`e.type = any($${values.push(types)}::text[])`]),
    ...(types?.some((type) => (everydayTypes as readonly string[]).includes(type)) === false ? [RARE] : []),
    ...(subject === undefined ? [] : [...is('e.subject_type', subject.type), ...is('e.subject_id', subject.id)]),
    ...is('e.organization_id', organizationId),
    ...is('e.client_id', clientId),
    ...is('e.session_id', sessionId),
    ...is('d.ip', ip),
    ...is('e.outcome', outcome),
    ...(since === undefined ? [] : [`e.at >= $${values.push(since)}`]),
    ...(until === undefined ? [] : [`e.at < $${values.push(until)}`]),
  ];
  const base = all.length === 0 ? 'true' : all.join(' and ');
  const bases = userId === undefined ? [base] : ofUser(base, `$${values.push(userId)}`);
  if (actorId === undefined) return bases;
  const type = parseId('usr', actorId) === null ? 'client' : 'user';
  const actor = `$${values.push(actorId)}`;
  return bases.flatMap((condition) => [
    `${condition} and e.actor_id = ${actor} and ${ABOUT_OTHERS}`,
    `${condition} and e.actor_type = '${type}' and e.actor_id = ${actor} and e.subject_type = '${type}' and e.subject_id = ${actor}`,
  ]);
}

const ofUser = (base: string, user: string): string[] => [
  `${base} and e.subject_type = 'user' and e.subject_id = ${user}`,
  `${base} and e.actor_id = ${user} and ${ABOUT_OTHERS}`,
];

function eventOf(row: Row): FoundEvent {
  return {
    id: fromUuid('evt', row.id),
    at: row.at,
    type: row.type,
    outcome: row.outcome,
    actor: { type: row.actor_type, id: row.actor_id },
    subject: row.subject_type && row.subject_id ? { type: row.subject_type, id: row.subject_id } : null,
    organizationId: row.organization_id,
    clientId: row.client_id,
    sessionId: row.session_id,
    ip: row.ip,
    userAgent: row.user_agent,
    requestId: row.request_id,
    details: row.details ?? {},
  };
}
