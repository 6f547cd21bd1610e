/** Events of the audit log, for operators. */
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import type { By } from './by.ts';
import { eventNotFound } from './errors.ts';
import type { EventCatalogue } from './event-catalogue.ts';
import type { EventSearch } from './event-search.ts';
import { eventFilters, eventOnWire, eventSchema, eventTypeOnWire, eventTypeSchema, filtersOf } from './event-wire.ts';
import { z } from 'zod';

type Services = { events: Pick<EventSearch, 'page' | 'find'>; catalogue: EventCatalogue };

const listEvents = listOperation({
  name: 'events.list',
  permission: 'audit.read',
  filters: {
    ...eventFilters,
    organization_id: z.string().min(1).max(255).optional().describe('Only events of this organization'),
  },
  sorts: ['at'],
  isDescendingUnlessSaid: true,
  items: 'events',
  item: eventSchema,
  description: 'Search the audit log, newest first.',
  example: { types: 'user.signed_in,client.*', since: '2026-01-01T00:00:00Z' },
  command: { words: 'audit list', options: { user_id: { flags: '--user <user>' } } },
  run: async ({ organization_id: organizationId, ...given }, page, _by: By, { events, catalogue }: Services) => {
    const { items, ...others } = await events.page({ ...filtersOf(given, catalogue.names), organizationId }, page);
    return { ...others, items: items.map((event) => eventOnWire(event, catalogue.shown)) };
  },
});

const readEvent = operation({
  name: 'events.read',
  permission: 'audit.read',
  params: { event_id: idSchema('evt') },
  output: eventSchema,
  errors: [eventNotFound],
  description: 'Show one event of the audit log.',
  command: { words: 'audit show' },
  run: async ({ event_id: id }, _by: By, { events, catalogue }: Services) => {
    const event = await events.find(id);
    if (!event) throw eventNotFound();
    return eventOnWire(event, catalogue.shown);
  },
});

const listEventTypes = listOperation({
  name: 'event_types.list',
  permission: 'audit.read',
  sorts: ['name'],
  items: 'event_types',
  item: eventTypeSchema,
  description: 'List the types of events, with the audience and the gravity of each.',
  example: { limit: 200 },
  command: { words: 'audit types' },
  run: async (_given, page, _by: By, { catalogue }: Services) =>
    pageOfAll(catalogue.types.map(eventTypeOnWire), page, ({ name }) => name),
});

export const eventOperations = [listEvents, readEvent, listEventTypes];
