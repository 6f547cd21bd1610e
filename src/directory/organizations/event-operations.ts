/** The audit log of one organization, for its administrators: types of events that the catalogue shows to them. */
import type { By, EventCatalogue, EventSearch } from '#audit/module.ts';
import { eventNotFound } from '#audit/errors.ts';
import { eventFilters, eventOnWire, eventSchema, filtersOf } from '#audit/event-wire.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { organizationNotFound } from './errors.ts';
import type { OrganizationService } from './organization-service.ts';

type Services = {
  organizations: Pick<OrganizationService, 'require'>;
  events: Pick<EventSearch, 'page' | 'find'>;
  catalogue: EventCatalogue;
};

const params = { organization_id: idSchema('org') };

const listEvents = listOperation({
  name: 'organizations.events.list',
  permission: 'organization.audit.read',
  params,
  filters: eventFilters,
  sorts: ['at'],
  isDescendingUnlessSaid: true,
  items: 'events',
  item: eventSchema,
  errors: [organizationNotFound],
  description: 'Search the audit log of an organization, newest first.',
  example: { types: 'organization.*', since: '2026-01-01T00:00:00Z' },
  command: { words: 'organization events', options: { user_id: { flags: '--user <user>' } } },
  run: async ({ organization_id: organizationId, ...given }, page, _by: By, services: Services) => {
    const { organizations, events, catalogue } = services;
    await organizations.require(organizationId);
    const { types = catalogue.ofOrganizations, ...filters } = filtersOf(given, catalogue.ofOrganizations);
    const { items, ...others } = await events.page({ ...filters, types, organizationId }, page);
    return { ...others, items: items.map((event) => eventOnWire(event, catalogue.shown)) };
  },
});

const readEvent = operation({
  name: 'organizations.events.read',
  permission: 'organization.audit.read',
  params: { ...params, event_id: idSchema('evt') },
  output: eventSchema,
  errors: [organizationNotFound, eventNotFound],
  description: 'Show one event of the audit log of an organization.',
  command: { words: 'organization show-event' },
  run: async ({ organization_id: organizationId, event_id: id }, _by: By, services: Services) => {
    const { organizations, events, catalogue } = services;
    await organizations.require(organizationId);
    const event = await events.find(id, organizationId);
    if (!event || !catalogue.ofOrganizations.includes(event.type)) throw eventNotFound();
    return eventOnWire(event, catalogue.shown);
  },
});

export const organizationEventOperations = [listEvents, readEvent];
