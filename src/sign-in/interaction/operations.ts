/** Sign-ins of a user, as an operator sees them who is asked why one failed. */
import { z } from 'zod';
import type { By, EventSearch } from '#audit/module.ts';
import { userSecondFactorFailed } from '#credentials/events.ts';
import type { ManagedUsers } from '#directory/users/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import type { deviceName } from '#kernel/http/device-name.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { organizationSignInRefused, userSignedIn, userSignInFailed } from './events.ts';
import { meaningOf } from './refusal-meanings.ts';

type Services = {
  managed: Pick<ManagedUsers, 'requireKnown'>;
  events: Pick<EventSearch, 'page'>;
  /** The application with this id, for readers; null for one that was deleted. */
  clients: { find(id: string): Promise<{ name: string } | null> };
  deviceName: typeof deviceName;
};
type Found = Awaited<ReturnType<EventSearch['page']>>['items'][number];

const types = [userSignedIn, userSignInFailed, userSecondFactorFailed, organizationSignInRefused].map(
  ({ name }) => name,
);

const signInSchema = z.strictObject({
  id: z.string().describe('Id of the event in the audit log'),
  at: timeSchema,
  outcome: z.enum(['success', 'failure']),
  reason: z.string().nullable().describe('Code of the refusal, such as wrong; null for a success'),
  meaning: z.string().nullable().describe('The reason in words, and what helps'),
  method: z
    .string()
    .nullable()
    .describe('The refused method, or the methods of a success (RFC 8176), separated by spaces; null if unknown'),
  client_id: z.string().nullable(),
  client_name: z.string().nullable(),
  organization_id: z.string().nullable().describe('Organization whose policy refused the sign-in'),
  ip: z.string().nullable().describe('IP address; null after the user was erased'),
  device: z.string().nullable().describe('Browser and system, as the browser says'),
});

const listSignIns = listOperation({
  name: 'users.sign_ins.list',
  permission: 'audit.read',
  params: { user_id: idSchema('usr') },
  filters: {
    outcome: z.enum(['success', 'failure']).optional().describe('Only sign-ins with this outcome'),
    client_id: z.string().min(1).max(255).optional().describe('Only sign-ins at this client'),
    since: timeSchema.optional().describe('Only sign-ins from this time on'),
    until: timeSchema.optional().describe('Only sign-ins before this time'),
  },
  sorts: ['at'],
  isDescendingUnlessSaid: true,
  items: 'sign_ins',
  item: signInSchema,
  errors: [userNotFound],
  description:
    'List the sign-ins of a user, newest first, each with its outcome and the reason of a refusal: wrong passwords and codes, locks, disabled accounts, and policies that refused the sign-in.',
  example: { outcome: 'failure', limit: 20 },
  command: { words: 'user sign-ins', options: { client_id: { flags: '--client <id>' } } },
  run: async ({ user_id: id, client_id: clientId, ...given }, page, _by: By, services: Services) => {
    const { managed, events, clients } = services;
    await managed.requireKnown(id);
    const { items, ...others } = await events.page({ ...given, clientId, types, subject: { type: 'user', id } }, page);
    const names = new Map<string, string | null>();
    for (const known of new Set(items.flatMap((event) => event.clientId ?? [])))
      names.set(known, (await clients.find(known))?.name ?? null);
    return { ...others, items: items.map((event) => signInOnWire(event, names, services.deviceName)) };
  },
});

function signInOnWire(
  event: Found,
  names: ReadonlyMap<string, string | null>,
  nameDevice: typeof deviceName,
): z.input<typeof signInSchema> {
  const { details, clientId, userAgent } = event;
  const isSuccess = event.type === userSignedIn.name;
  const reason = isSuccess ? null : textOf(details['reason']);
  const { browser, system } = nameDevice(userAgent ?? '');
  return {
    id: event.id,
    at: event.at.toISOString(),
    outcome: isSuccess ? 'success' : 'failure',
    reason,
    meaning: reason === null ? null : meaningOf(event.type, reason),
    method: methodOf(event),
    client_id: clientId,
    client_name: clientId === null ? null : (names.get(clientId) ?? null),
    organization_id: event.organizationId,
    ip: event.ip,
    device: [browser, system].filter(Boolean).join(', ') || null,
  };
}

/** A refused password is recorded without a method. */
function methodOf({ type, details }: Found): string | null {
  const { amr } = details;
  if (Array.isArray(amr)) return amr.join(' ') || null;
  return textOf(details['method'] ?? details['factor']) ?? (type === userSignInFailed.name ? 'password' : null);
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export const signInOperations = [listSignIns];
