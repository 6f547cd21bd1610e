/** An event of the audit log, as operations take filters and show one. */
import { z } from 'zod';
import { inputInvalid } from '#kernel/operations/input.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import type { EventFilters, FoundEvent } from './event-search.ts';
import { type EventTypeRow, gravities, type ShownEventType } from './event-type.ts';

const gravityNames = Object.keys(gravities) as [keyof typeof gravities, ...(keyof typeof gravities)[]];

export const eventSchema = z.strictObject({
  id: z.string(),
  at: timeSchema,
  type: z.string().describe('A name of the catalogue, such as user.signed_in'),
  gravity: z.enum(gravityNames).nullable().describe('Null for a type that no release knows any more'),
  outcome: z.string(),
  actor: z.strictObject({ type: z.string(), id: z.string().nullable() }),
  subject: z.strictObject({ type: z.string(), id: z.string() }).nullable(),
  organization_id: z.string().nullable(),
  client_id: z.string().nullable(),
  session_id: z.string().nullable(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  request_id: z.string().nullable(),
  details: z.record(z.string(), z.unknown()).describe('Members of this type; secrets are never among them'),
});

export const eventTypeSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  audience: z.array(z.enum(['operator', 'organization', 'person'])),
  gravity: z.enum(gravityNames),
  details: z.array(z.string()).describe('Members of the details'),
});

const id = z.string().min(1).max(255);
export const eventFilters = {
  types: z
    .string()
    .max(2000)
    .optional()
    .describe('Only events of these types, separated by commas; client.* for all that begin so'),
  user_id: id.optional().describe('Only events about this user, or that this user caused'),
  actor_id: id.optional().describe('Only events that this user or client caused'),
  subject_id: id.optional().describe('Only events about the thing with this id, such as a user'),
  subject_type: z
    .string()
    .regex(/^[a-z_]{1,40}$/, 'must be a type such as client')
    .optional()
    .describe('Type of the thing, which subject_id needs unless it is a user or an organization'),
  client_id: id.optional().describe('Only events of requests through this client'),
  session_id: id.optional().describe('Only events of this session'),
  ip: z.union([z.ipv4(), z.ipv6()]).optional().describe('Only events from this IP address'),
  outcome: z.enum(['success', 'failure']).optional().describe('Only events with this outcome'),
  since: timeSchema.optional().describe('Only events from this time on'),
  until: timeSchema.optional().describe('Only events before this time'),
};

type GivenFilters = z.output<z.ZodObject<typeof eventFilters>>;

/** The filters in the words of the search. Throws input.invalid. */
export function filtersOf(
  { types, subject_id: subjectId, subject_type: subjectType, ...given }: GivenFilters,
  known: readonly string[],
): EventFilters {
  const {
    user_id: userId,
    actor_id: actorId,
    client_id: clientId,
    session_id: sessionId,
    ip,
    outcome,
    since,
    until,
  } = given;
  const others = { userId, actorId, clientId, sessionId, ip, outcome, since, until };
  const subject = subjectOf(subjectId, subjectType);
  return { ...others, subject, types: types === undefined ? undefined : typesOf(types, known) };
}

function typesOf(given: string, known: readonly string[]): string[] {
  const found = given.split(',').map((name) => {
    const wanted = name.trim();
    const start = wanted.endsWith('.*') ? wanted.slice(0, -1) : null;
    const names = known.filter((type) => (start === null ? type === wanted : type.startsWith(start)));
    if (names.length === 0) throw inputInvalid({ types: `must be types of events: there is no ${wanted}` });
    return names;
  });
  return [...new Set(found.flat())];
}

const subjectTypes: Readonly<Record<string, string>> = { usr: 'user', org: 'organization' };

function subjectOf(id: string | undefined, type: string | undefined): EventFilters['subject'] {
  if (id === undefined && type !== undefined) throw inputInvalid({ subject_id: 'must be given with subject_type' });
  if (id === undefined) return undefined;
  const known = type ?? subjectTypes[id.split('_')[0] ?? ''];
  if (known === undefined) throw inputInvalid({ subject_type: 'must be given with this subject_id' });
  return { type: known, id };
}

/** An event as the command line and the management API show one. */
export function eventOnWire(
  event: FoundEvent,
  types: ReadonlyMap<string, ShownEventType>,
): z.input<typeof eventSchema> {
  return {
    id: event.id,
    at: event.at.toISOString(),
    type: event.type,
    gravity: types.get(event.type)?.gravity ?? null,
    outcome: event.outcome,
    actor: event.actor,
    subject: event.subject,
    organization_id: event.organizationId,
    client_id: event.clientId,
    session_id: event.sessionId,
    ip: event.ip,
    user_agent: event.userAgent,
    request_id: event.requestId,
    details: redacted(event.details) as Record<string, unknown>,
  };
}

/** Members that no event type declares. An event of another release might hold one. */
const secretName = /(^|_|[a-z])(secret|password|passwd|token|assertion|otp|cookie|authorization|private_?key|salt)s?$/i;

/** The value, without texts in members that are named like secrets. */
function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      typeof member === 'string' && secretName.test(name) ? '[redacted]' : redacted(member),
    ]),
  );
}

/** A type of the catalogue as the command line and the management API show one. */
export function eventTypeOnWire({
  name,
  text,
  audience,
  gravity,
  details,
}: EventTypeRow): z.input<typeof eventTypeSchema> {
  return { name, description: text, audience: [...audience], gravity, details: Object.keys(details.shape) };
}
