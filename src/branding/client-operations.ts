/** The brands of clients, for the pages of their sign-ins. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { clientBrandChoice } from '#kernel/brand/choice.ts';
import { operation } from '#kernel/operations/operation.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import { meanings } from '#settings/meanings.ts';
import type { BrandService } from './brand-service.ts';
import type { ClientLogos } from './client-logos.ts';
import { clientUnknown } from './errors.ts';
import { brandChanged } from './events.ts';

type Services = { brands: Pick<BrandService, 'changeOfClient' | 'stored'>; logos: Pick<ClientLogos, 'fetchNow'> };

const params = { client_id: z.string().max(255) };
const choice = z.record(z.string(), z.unknown());
type Shape = typeof clientBrandChoice.shape;
const words: Readonly<Record<string, string>> = { ...meanings.branding, name: 'Name on the pages of its sign-ins.' };
/** Null for the value of the instance, whose settings have the same meanings. */
const changes = Object.fromEntries(
  Object.entries<z.ZodType>(clientBrandChoice.shape).map(([name, schema]) => [
    name,
    schema.nullable().describe(words[name]?.replace(/\.$/, '') ?? ''),
  ]),
) as { [M in keyof Shape]: z.ZodNullable<Shape[M]> };

const readBrandOfClient = operation({
  name: 'branding.clients.read',
  permission: 'settings.read',
  params,
  output: choice,
  errors: [clientUnknown],
  description: 'Show the brand of the sign-in pages of one client: what differs from the instance, without its logos.',
  command: { words: 'branding show-client' },
  run: async ({ client_id: clientId }, _by: By, { brands }: Services) => (await brands.stored(clientId)).choice,
});

const updateBrandOfClient = operation({
  name: 'branding.clients.update',
  permission: 'branding.manage',
  params,
  input: z.strictObject(changes),
  output: choice,
  errors: [clientUnknown],
  event: brandChanged,
  description: 'Change the brand of the sign-in pages of one client. Null sets the value of the instance.',
  example: { color: '#0a3fb5' },
  command: {
    words: 'branding client',
    others: {
      flags: '--change <json>',
      description: 'Members to change, such as {"color": "#0a3fb5"}; null for the value of the instance (required)',
      members: Object.keys(changes),
      isRequired: true,
    },
  },
  run: async ({ client_id: clientId, ...change }, by: By, { brands }: Services) =>
    brands.changeOfClient(clientId, change, by),
});

const fetchClientLogo = operation({
  name: 'branding.client_logos.fetch',
  permission: 'branding.manage',
  params: { client_id: z.string() },
  output: z.strictObject({
    client_id: z.string(),
    logo_uri: z.string().nullable().describe('Null if the client has none, or registered itself and may not show one'),
    shown: z.boolean(),
    fetched_at: timeSchema.nullable(),
    next_fetch_at: timeSchema.nullable(),
    failures: z.number().int(),
    problem: z.string().nullable(),
  }),
  errors: [clientUnknown],
  description: 'Fetch the logo of a client from its logo_uri now, and show the result.',
  command: { words: 'branding client-logo' },
  run: async ({ client_id: clientId }, _by: unknown, { logos }: Services) => {
    const { uri, isShown, stored } = await logos.fetchNow(clientId);
    return {
      client_id: clientId,
      logo_uri: uri,
      shown: isShown,
      fetched_at: stored?.fetched_at?.toISOString() ?? null,
      next_fetch_at: stored?.due_at.toISOString() ?? null,
      failures: stored?.failures ?? 0,
      problem: stored?.problem ?? null,
    };
  },
});

export const clientBrandOperations = [readBrandOfClient, updateBrandOfClient, fetchClientLogo];
