/** The audit log over the management API: search, single events, and the part that administrators of an organization see. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditEvent } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import { newId } from '#kernel/ids.ts';
import { API, callApi, clientTokens, machineWith, refusalOf, userTokens } from '../support/api.ts';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { anyEvent, openAudit } from '../support/audit.ts';
import { eventTypes } from '../../src/app/event-types.ts';
import { joinWith, newOrganization } from '../support/roles.ts';
import { Visitor } from '../support/visitor.ts';

type Event = { id: string; at: string; type: string; actor: { id: string | null }; details: Record<string, unknown> };
type Listed = { events: Event[]; next_cursor: string | null; total?: number };

let latchkey: TestApp;
let token: string;
let robot: string;
let acme: string;
let other: string;
let owner: TestUser;
let ownerToken: string;
let begun: string;

beforeAll(async () => {
  latchkey = await startTestApp();
  begun = new Date().toISOString();
  const scopes = ['audit.read', 'clients.manage'];
  const machine = await machineWith(latchkey, ...scopes);
  robot = machine.client_id;
  ({ access_token: token } = await clientTokens(latchkey, machine, { scope: scopes.join(' ') }));
  [acme, other] = [await newOrganization(latchkey, 'Acme'), await newOrganization(latchkey, 'Other')];
  owner = await latchkey.user();
  await joinWith(latchkey, acme, owner, 'TENANT_ADMIN');
  const client = await latchkey.client({ first_party: true, apis: { [API]: ['*'] }, organization_usage: 'allow' });
  const scope = 'openid organization.audit.read organization.manage';
  ({ access_token: ownerToken } = await userTokens(latchkey, client, owner, scope, {}, new Visitor()));
  for (const organization_id of [acme, other])
    await latchkey.run('organizations.update', { organization_id, name: 'New' });
});
afterAll(() => latchkey.close());

const ask = (query: string, shown = token) => callApi(latchkey, `/v1/events${query}`, { token: shown });
const list = async (query: string): Promise<Listed> => (await ask(query)).body as Listed;
const typesOf = ({ events }: Listed) => [...new Set(events.map(({ type }) => type))].toSorted();
const write = async (event: AuditEvent): Promise<void> => {
  const { database } = latchkey.app;
  await database.transaction((em) => openAudit({ clock: systemClock, database }).log.record(em, event));
};
const make = () =>
  callApi(latchkey, '/v1/clients', {
    method: 'POST',
    token,
    json: { name: 'Made', type: 'native', redirect_uris: ['http://127.0.0.1/cb'] },
  });

test('events are listed newest first, page by page', async () => {
  const all = await list('?limit=200&include_total=true');
  expect(all.total).toBe(all.events.length);
  const places = all.events.map(({ at, id }) => `${at} ${id}`);
  expect(places).toEqual(places.toSorted().toReversed());
  const read: Event[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Listed = await list(`?limit=7&until=${all.events[0]!.at}${cursor && `&cursor=${cursor}`}`);
    read.push(...page.events);
    cursor = page.next_cursor;
  }
  expect(read).toEqual(all.events.filter(({ at }) => at < all.events[0]!.at));
  expect((await list('?limit=1&sort=at')).events[0]).toEqual(all.events.at(-1));
});

test('an event is shown with its actor, its subject and its origin', async () => {
  const made = String((await make()).body['client_id']);
  const { events } = await list(`?types=client.created&subject_type=client&subject_id=${made}`);
  expect(events).toEqual([
    {
      id: expect.stringMatching(/^evt_/),
      at: expect.any(String),
      type: 'client.created',
      gravity: expect.any(String),
      outcome: 'success',
      actor: { type: 'client', id: robot },
      subject: { type: 'client', id: made },
      organization_id: null,
      client_id: made,
      session_id: null,
      ip: '127.0.0.1',
      user_agent: expect.any(String),
      request_id: expect.any(String),
      details: { after: expect.objectContaining({ client_name: 'Made' }) },
    },
  ]);
  expect((await ask(`/${events[0]!.id}`)).body).toEqual(events[0]);
  expect(refusalOf(await ask(`/${newId('evt')}`))).toEqual([404, 'audit.event_not_found']);
  expect(refusalOf(await ask('/nothing'))).toEqual([404, 'audit.event_not_found']);
});

describe('a filter', () => {
  const filters: readonly [query: () => string, types: readonly string[]][] = [
    [() => 'types=user.signed_in', ['user.signed_in']],
    [() => 'types=organization.changed,user.signed_in', ['organization.changed', 'user.signed_in']],
    [() => 'types=organization.*', ['organization.changed']],
    [() => `organization_id=${acme}`, ['organization.changed', 'role.assigned']],
    [() => `actor_id=${owner.id}&types=user.*`, ['user.signed_in']],
    [() => `subject_id=${owner.id}&types=user.signed_in`, ['user.signed_in']],
    [() => `subject_id=${acme}`, ['organization.changed']],
    [() => 'outcome=failure', []],
    [() => 'ip=192.0.2.1', []],
    [() => 'ip=127.0.0.1&types=user.signed_in', ['user.signed_in']],
    [() => 'session_id=ses_none', []],
    [() => 'client_id=none', []],
    [() => `since=${begun}&types=user.signed_in`, ['user.signed_in']],
    [() => `until=${begun}&types=user.signed_in`, []],
    [() => `since=${begun}&until=${begun}`, []],
  ];
  test.each(filters.map(([query, types]) => ({ query, types })))('$types', async ({ query, types }) => {
    const found = await list(`?${query()}&include_total=true`);
    expect(typesOf(found)).toEqual(types);
    expect(found.total).toBe(found.events.length);
  });

  test('by an actor finds what the actor did to others and to itself, each once', async () => {
    await make();
    const { events, total } = await list(`?actor_id=${robot}&include_total=true`);
    expect(new Set(events.map(({ id }) => id)).size).toBe(total);
    expect(events.every(({ actor }) => actor.id === robot)).toBe(true);
    expect(typesOf({ events, next_cursor: null })).toContain('client.created');
    const { events: own } = await list(`?actor_id=${owner.id}&limit=1`);
    expect(own[0]!.actor.id).toBe(owner.id);
  });

  test.each([
    ['types=nothing.happened', 'types'],
    ['types=client.changed,nothing.*', 'types'],
    ['subject_id=wiki', 'subject_type'],
    ['subject_type=client', 'subject_id'],
    ['ip=somewhere', 'ip'],
    ['outcome=maybe', 'outcome'],
    ['since=yesterday', 'since'],
    ['until=2026', 'until'],
    ['limit=201', 'limit'],
    ['cursor=made-up', 'cursor'],
    ['actor=me', 'actor'],
  ])('%s is refused by the member %s', async (query, member) => {
    const answer = await ask(`?${query}`);
    expect(refusalOf(answer)).toEqual([422, 'input.invalid']);
    expect(Object.keys(answer.body['errors'] as object)).toEqual([member]);
  });
});

test('details with names of secrets are masked, whatever an earlier release wrote', async () => {
  const details = { clientSecret: 'abc', after: { refresh_token: 'def', note: 'kept' }, tokens: 3 };
  await write({ type: anyEvent('client.changed'), actor: { type: 'system' }, details });
  const { events } = await list('?types=client.changed&limit=1');
  expect(events[0]!.details).toEqual({
    clientSecret: '[redacted]',
    after: { refresh_token: '[redacted]', note: 'kept' },
    tokens: 3,
  });
});

test('the catalogue says what each type is about', async () => {
  const { body } = await callApi(latchkey, '/v1/event-types?limit=200&include_total=true', { token });
  const found = body['event_types'] as { name: string }[];
  expect(body['total']).toBe(eventTypes.length);
  expect(found.map(({ name }) => name)).toEqual(
    eventTypes
      .map(({ name }) => name)
      .toSorted()
      .slice(0, 200),
  );
  expect(found.find(({ name }) => name === 'user.signed_in')).toEqual({
    name: 'user.signed_in',
    description: expect.any(String),
    audience: ['operator', 'organization', 'person'],
    gravity: 'info',
    details: expect.any(Array),
  });
});

describe('an administrator of an organization', () => {
  const inOrganization = (id: string, rest = '') =>
    callApi(latchkey, `/v1/organizations/${id}/events${rest}`, { token: ownerToken });

  test('sees the events of this organization', async () => {
    const { body } = await inOrganization(acme, '?include_total=true');
    expect(typesOf(body as Listed)).toEqual(['organization.changed', 'role.assigned']);
    const [{ id } = { id: '' }] = (body as Listed).events;
    expect((await inOrganization(acme, `/${id}`)).body).toMatchObject({ id, organization_id: acme });
  });

  test('sees no event of another organization, and none that is for operators alone', async () => {
    const [{ id } = { id: '' }] = (await list(`?organization_id=${other}`)).events;
    expect(refusalOf(await inOrganization(acme, `/${id}`))).toEqual([404, 'audit.event_not_found']);
    expect(refusalOf(await inOrganization(other))).toEqual([404, 'organizations.not_found']);
    const hidden = { type: anyEvent('setting.changed'), actor: { type: 'system' as const }, organizationId: acme };
    await write(hidden);
    const [{ id: operatorsOnly } = { id: '' }] = (await list('?types=setting.changed&limit=1')).events;
    expect(refusalOf(await inOrganization(acme, `/${operatorsOnly}`))).toEqual([404, 'audit.event_not_found']);
    expect(typesOf((await inOrganization(acme)).body as Listed)).not.toContain('setting.changed');
    expect(refusalOf(await inOrganization(acme, '?types=setting.changed'))).toEqual([422, 'input.invalid']);
  });

  test('has no way to the log of the instance', async () => {
    expect(refusalOf(await ask('', ownerToken))).toEqual([403, 'api.insufficient_scope']);
  });
});
