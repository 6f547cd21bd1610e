import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { permissions } from '#directory/access/permission.ts';
import { toUuid } from '#kernel/ids.ts';
import { API, clientTokens } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { openDns, type TestDns } from '../../support/dns.ts';
import { type Answer, type Node, sender, startNode } from '../../support/nodes.ts';

/**
 * On PostgreSQL two processes of the product race each other; on the embedded database one races itself, less long.
 * `RACE_ROUNDS=1000` races longer, for changes of the storage.
 */
const onServer = process.env['TEST_DATABASE_URL'] !== undefined;
const ROUNDS = Number(process.env['RACE_ROUNDS'] ?? (onServer ? 20 : 6));
const MINUTES = 5 * 60_000;

let dns: TestDns;
let latchkey: TestApp;
let nodes: [Node, Node];
let client: TestClient;
let authorization: string;

beforeAll(async () => {
  dns = await openDns();
  const env = { DNS_SERVERS: dns.address };
  latchkey = await startTestApp({ env, settings: { 'limits.apiCallsPerMinute': 1_000_000 } });
  if (onServer) nodes = await Promise.all([startNode(latchkey, env), startNode(latchkey, env)]);
  else {
    const { send, close } = sender(latchkey.base, latchkey.config.port);
    const itself = { send, stop: async () => close() };
    nodes = [itself, itself];
  }
  client = await latchkey.client({ type: 'machine', redirect_uris: undefined, apis: { [API]: ['*'] } });
}, MINUTES);
beforeEach(async () => {
  const { access_token: token } = await clientTokens(latchkey, client, { scope: Object.keys(permissions).join(' ') });
  authorization = `Bearer ${token}`;
});
afterAll(async () => {
  await Promise.all([...new Set(nodes)].map((node) => node.stop()));
  await latchkey.close();
  await dns.close();
});

type Call = { method?: string; path: string; json?: object };

/** All calls at once, each on the next node: of each its code, `done` for one that was not refused. */
async function race(calls: readonly Call[]): Promise<string[]> {
  const answers = await Promise.all(
    calls.map(({ method = 'POST', path, json }, at) =>
      nodes[at % 2]!.send(`/api/v1${path}`, { method, headers: { authorization }, ...(json ? { json } : {}) }),
    ),
  );
  return answers.map(outcomeOf);
}
const outcomeOf = ({ status, body }: Answer): string =>
  status < 300 ? 'done' : status === 429 || status >= 500 ? `${status} ${String(body['code'])}` : String(body['code']);

const rounds = async (one: (round: string) => Promise<void>): Promise<void> => {
  for (let round = 0; round < ROUNDS; round += 1) await one(`r${randomBytes(5).toString('hex')}`);
};
const sorted = (outcomes: readonly string[]): string[] => outcomes.toSorted();
const create = <T = { id: string; slug: string }>(name: string, given: object): Promise<T> =>
  latchkey.run<T>(name, given);
async function count(statement: string, ...values: unknown[]): Promise<number> {
  const [row] = await latchkey.app.database.sql<{ count: number }>(statement, values);
  return row!.count;
}

describe(`${ROUNDS} times at once ${onServer ? 'on two nodes' : 'on one node'}`, () => {
  test.each([
    { kind: 'roles', links: 'inherits', table: 'role_parent', child: 'role_id' },
    { kind: 'groups', links: 'parents', table: 'user_group_parent', child: 'group_id' },
  ])(
    'a ring of $kind that is made by three requests misses one link',
    async ({ kind, links, table, child }) => {
      await rounds(async (round) => {
        const [a, b, c] = [`${round}a`, `${round}b`, `${round}c`];
        const made = [];
        for (const name of [a, b, c]) made.push(await create(`${kind}.create`, { name }));
        const ids = made.map(({ id }) => id);
        const to = (from: number, at: number): Call => ({
          method: 'PATCH',
          path: `/${kind}/${ids[from]}`,
          json: { [links]: [ids[at]] },
        });
        expect(sorted(await race([to(0, 1), to(1, 2), to(2, 0)]))).toEqual(['done', 'done', `${kind}.cycle`]);
        const uuids = ids.map((id) => toUuid(id as `rol_${string}`));
        const kept = `select count(*)::int as count from ${table} where ${child} = any($1::uuid[])`;
        expect(await count(kept, uuids)).toBe(2);
      });
    },
    MINUTES,
  );

  test(
    'one organization gets a slug',
    async () => {
      await rounds(async (slug) => {
        const call = { path: '/organizations', json: { name: 'Acme', slug } };
        const taken = 'organizations.slug_taken';
        expect(sorted(await race([call, call, call, call]))).toEqual(['done', taken, taken, taken]);
        expect(await count('select count(*)::int as count from organization where slug = $1', slug)).toBe(1);
      });
    },
    MINUTES,
  );

  test(
    'a slug that is given up stays with its organization, and one of two gets the new one',
    async () => {
      await rounds(async (slug) => {
        const own = await create('organizations.create', { name: 'Acme', slug });
        const other = await create('organizations.create', { name: 'Beta' });
        const next = `${slug}-next`;
        const rename = (of: { id: string }, to: string): Call => ({
          method: 'PATCH',
          path: `/organizations/${of.id}`,
          json: { slug: to },
        });
        const [renamed, claimed, created, takenNext] = await race([
          rename(own, next),
          rename(other, slug),
          { path: '/organizations', json: { name: 'Gamma', slug } },
          { path: '/organizations', json: { name: 'Delta', slug: next } },
        ]);
        const taken = 'organizations.slug_taken';
        expect([claimed, created]).toEqual([taken, taken]);
        expect(sorted([renamed!, takenNext!])).toEqual(['done', taken]);
        const holders = 'select count(*)::int as count from organization_slug where slug = $1 and organization_id = $2';
        expect(await count(holders, slug, toUuid(own.id as `org_${string}`))).toBe(1);
      });
    },
    MINUTES,
  );

  test(
    'of two owners who are demoted and removed, one stays',
    async () => {
      const owners: [TestUser, TestUser] = [await latchkey.user(), await latchkey.user()];
      await rounds(async () => {
        const { id } = await create('organizations.create', { name: 'Acme' });
        const demotions: Call[] = [];
        const removals: Call[] = [];
        for (const { id: user_id } of owners) {
          const member = { organization_id: id, user_id, roles: ['TENANT_OWNER'] };
          await latchkey.run('organizations.members.create', member);
          removals.push({ method: 'DELETE', path: `/organizations/${id}/members/${user_id}` });
        }
        const { assignments } = await latchkey.run<{ assignments: { id: string }[] }>(
          'organizations.assignments.list',
          {
            organization_id: id,
          },
        );
        for (const { id: assignment } of assignments)
          demotions.push({ method: 'DELETE', path: `/organizations/${id}/assignments/${assignment}` });
        const outcomes = await race([demotions[0]!, demotions[1]!, removals[0]!, removals[1]!]);
        expect(outcomes.filter((outcome) => /^\d/.test(outcome))).toEqual([]);
        expect(outcomes).toContain('organizations.last_owner');
        const left = `select count(*)::int as count from role_assignment a join role r on r.id = a.role_id
          join organization_member m on m.organization_id = a.organization_id and m.user_id = a.user_id
          where a.organization_id = $1 and r.name = 'TENANT_OWNER'`;
        expect(await count(left, toUuid(id as `org_${string}`))).toBe(1);
      });
    },
    MINUTES,
  );

  test(
    'one of two organizations owns a domain whose records name both',
    async () => {
      await rounds(async (round) => {
        const domain = `${round}.com`;
        const records: string[] = [];
        const calls: Call[] = [];
        for (const name of ['Acme', 'Beta']) {
          const { id } = await create('organizations.create', { name });
          const added = await latchkey.run<{ id: string; record: { name: string; value: string } }>(
            'organizations.domains.create',
            { organization_id: id, domain },
          );
          records.push(added.record.value);
          dns.records.set(added.record.name, records);
          calls.push({ path: `/organizations/${id}/domains/${added.id}/confirm` });
        }
        expect(sorted(await race(calls))).toEqual(['domains.owned', 'done']);
        const owners =
          'select count(*)::int as count from organization_domain where domain = $1 and verified_at is not null';
        expect(await count(owners, domain)).toBe(1);
      });
    },
    MINUTES,
  );
});
