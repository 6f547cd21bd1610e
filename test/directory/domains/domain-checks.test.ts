/** Proof of domains over months, with a clock and a DNS of the test. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import { createDomains } from '#directory/domains/module.ts';
import { challengeOf } from '#directory/domains/domain-challenge.ts';
import { createOrganizations, type OrganizationId } from '#directory/organizations/module.ts';
import { DAY, HOUR } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { createThrottle } from '#kernel/throttle.ts';
import type { TxtAnswer } from '#kernel/txt-records.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';
import { noRoles } from '../../support/no-roles.ts';

const firstPage = { limit: 100, after: null, sort: 'domain', isDescending: false, wantsTotal: false } as const;
const clock = testClock();
const events: { type: string; details: unknown }[] = [];
const audit = {
  record: async (_em: unknown, event: { type: { name: string }; details?: unknown }) =>
    void events.push({ type: event.type.name, details: event.details }),
};
let database: Database;
let organizations: ReturnType<typeof createOrganizations>;
let domains: ReturnType<typeof createDomains>;
/** By name; a name without an entry does not exist. */
const records = new Map<string, TxtAnswer>();
let asked: string[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
  const invalidation = { publish: async () => {}, subscribe() {}, isHealthy: () => true };
  organizations = createOrganizations({ clock, database, audit, roles: noRoles } as never);
  domains = createDomains({
    clock,
    database,
    audit,
    invalidation,
    throttle: createThrottle({ redis: null, processes: 1 }),
    findTxt: async (name) => {
      asked.push(name);
      return records.get(name) ?? { kind: 'none' };
    },
    members: organizations.members,
    roles: noRoles,
    organizations: organizations.organizations,
    users: { findById: async () => null },
    managers: { membersWith: async () => [] },
    letters: { send: async () => true },
    issuer: 'https://id.example.com',
    connectionsOf: async () => [],
  });
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.sql('delete from organization_domain');
  records.clear();
  events.length = 0;
  asked = [];
});

let count = 0;
async function claim(name = `acme-${(count += 1)}.com`) {
  const { id } = await organizations.organizations.create({ name: 'Acme' }, operator);
  const domain = await domains.domains.add(id, { domain: name, joining: 'off', signIn: 'any' }, operator);
  return { id, domain, name };
}
type Claimed = Awaited<ReturnType<typeof claim>>;
const publish = (...claimed: Claimed[]): void => {
  const [first] = claimed;
  records.set(challengeOf(first!.domain).name, {
    kind: 'found',
    texts: ['v=spf1 -all', ...claimed.map(({ domain }) => challengeOf(domain).value)],
  });
};
const confirm = ({ id, domain }: Claimed) => domains.checks.confirm(id, domain.id, operator);
const stateOf = async ({ id }: { id: OrganizationId }) => {
  const [row] = (await domains.domains.page(id, {}, firstPage)).items;
  return { isVerified: row!.verifiedAt !== null, problem: row!.problem };
};
const types = (): string[] => events.map(({ type }) => type);

test('a token has 256 random bits, and another one in each organization', async () => {
  const [one, two] = [await claim('same-token.com'), await claim('same-token.com')];
  expect(Buffer.from(one.domain.token, 'base64url')).toHaveLength(32);
  expect(one.domain.token).not.toBe(two.domain.token);
});

test('a record proves a domain, among other records', async () => {
  const acme = await claim();
  await expect(confirm(acme)).rejects.toMatchObject({ code: 'domains.record_missing' });
  expect(await stateOf(acme)).toEqual({ isVerified: false, problem: 'missing' });
  publish(acme);
  await confirm(acme);
  await confirm(acme);
  expect(await stateOf(acme)).toEqual({ isVerified: true, problem: null });
  expect(types().filter((type) => type === 'organization.domain_verified')).toHaveLength(1);
});

test('a record with the token of another domain or organization proves nothing', async () => {
  const [one, two] = [await claim('mine.com'), await claim('mine.com')];
  publish(one);
  await expect(confirm(two)).rejects.toMatchObject({ code: 'domains.record_missing' });
});

test('a DNS without an answer is no proof, and no proof of the contrary', async () => {
  const acme = await claim();
  records.set(challengeOf(acme.domain).name, { kind: 'failed', reason: 'ETIMEOUT' });
  await expect(confirm(acme)).rejects.toMatchObject({ code: 'domains.dns_unreachable', status: 503 });
  expect(await stateOf(acme)).toEqual({ isVerified: false, problem: 'unreachable' });
});

test('a domain has one owner: the second one must wait until the first record is gone', async () => {
  const [first, second] = [await claim('one-owner.com'), await claim('one-owner.com')];
  publish(first);
  await confirm(first);
  publish(first, second);
  await expect(confirm(second)).rejects.toMatchObject({ code: 'domains.owned' });
  expect([await stateOf(first), await stateOf(second)].map(({ isVerified }) => isVerified)).toEqual([true, false]);

  publish(second);
  await confirm(second);
  expect([await stateOf(first), await stateOf(second)].map(({ isVerified }) => isVerified)).toEqual([false, true]);
  expect(events.at(-2)).toMatchObject({ type: 'organization.domain_lapsed', details: { reason: 'taken' } });
});

test('of many organizations that confirm one domain at once, one becomes the owner', async () => {
  const claimed = await Promise.all(Array.from({ length: 8 }, () => claim('raced.com')));
  publish(...claimed);
  const outcomes = await Promise.allSettled(claimed.map(confirm));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'domains.owned' });
});

test('a verified domain is looked up again within 30 days, and lapses 30 days after the last proof', async () => {
  const acme = await claim();
  publish(acme);
  await confirm(acme);
  asked = [];
  clock.advance(22 * DAY);
  await domains.checks.checkDue();
  expect(asked).toEqual([]);
  clock.advance(2 * DAY);
  await domains.checks.checkDue();
  expect(asked).toEqual([challengeOf(acme.domain).name]);

  records.clear();
  clock.advance(24 * DAY);
  await domains.checks.checkDue();
  await domains.checks.checkDue();
  expect(asked).toHaveLength(2);
  expect(await stateOf(acme)).toEqual({ isVerified: true, problem: 'missing' });
  for (let hours = 0; hours < 5 * 24; hours += 1) {
    clock.advance(HOUR);
    await domains.checks.checkDue();
  }
  expect(await stateOf(acme)).toEqual({ isVerified: true, problem: 'missing' });
  clock.advance(DAY + HOUR);
  await domains.checks.checkDue();
  expect(await stateOf(acme)).toEqual({ isVerified: false, problem: 'missing' });
  expect(events.at(-1)).toMatchObject({ type: 'organization.domain_lapsed', details: { reason: 'missing' } });
  asked = [];
  clock.advance(60 * DAY);
  await domains.checks.checkDue();
  expect(asked).toEqual([]);
});

test('a record that is back in time saves the domain', async () => {
  const acme = await claim();
  publish(acme);
  await confirm(acme);
  records.clear();
  clock.advance(27 * DAY);
  await domains.checks.checkDue();
  publish(acme);
  clock.advance(DAY);
  await domains.checks.checkDue();
  clock.advance(20 * DAY);
  await domains.checks.checkDue();
  expect(await stateOf(acme)).toEqual({ isVerified: true, problem: null });
});

test('more domains than one step takes are looked up in one run', async () => {
  const claimed = await Promise.all(Array.from({ length: 45 }, () => claim()));
  for (const each of claimed) publish(each);
  for (const each of claimed) await confirm(each);
  asked = [];
  clock.advance(25 * DAY);
  expect(await domains.checks.checkDue()).toBeGreaterThanOrEqual(45);
  for (const each of claimed) expect(await stateOf(each)).toEqual({ isVerified: true, problem: null });
});

test('an organization may look up 30 times in an hour', async () => {
  const acme = await claim();
  for (let i = 0; i < 30; i += 1) await expect(confirm(acme)).rejects.toMatchObject({ code: 'domains.record_missing' });
  await expect(confirm(acme)).rejects.toMatchObject({ code: 'domains.too_many_checks', status: 429 });
  expect(asked).toHaveLength(30);
});

test('an organization has at most 100 domains, each once, and a domain of another one is not there', async () => {
  const acme = await claim();
  const other = await claim();
  await expect(
    domains.domains.add(acme.id, { domain: acme.name.toUpperCase(), joining: 'off', signIn: 'any' }, operator),
  ).rejects.toMatchObject({ code: 'domains.exists' });
  for (let i = 0; i < 99; i += 1)
    await domains.domains.add(acme.id, { domain: `d${i}.acme-many.com`, joining: 'off', signIn: 'any' }, operator);
  await expect(
    domains.domains.add(acme.id, { domain: 'last.com', joining: 'off', signIn: 'any' }, operator),
  ).rejects.toMatchObject({
    code: 'domains.too_many',
  });
  for (const act of [
    () => domains.checks.confirm(acme.id, other.domain.id, operator),
    () => domains.domains.change(acme.id, other.domain.id, { joining: 'join' }, operator),
    () => domains.domains.remove(acme.id, other.domain.id, operator),
  ])
    await expect(act()).rejects.toMatchObject({ code: 'domains.not_found', status: 404 });
  expect((await domains.domains.page(other.id, {}, firstPage)).items).toHaveLength(1);
});
