/**
 * `npm run bench:organizations`: what is asked of organizations on the hot path, in a database of 1,000 users and in one of 1,000,000 users, 100,000 organizations
 * and 3,000,000 memberships, in turns, on one server, in one run. Ratios come first.
 *
 *   --rounds N     turns of each side (5)
 *   --asked N      questions in one turn (400)
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EffectivePermissions } from '#directory/access/effective-permissions.ts';
import { systemClock } from '#kernel/clock.ts';
import type { OrganizationId } from '#directory/organizations/module.ts';
import { MemberService } from '#directory/organizations/member-service.ts';
import type { UserId } from '#directory/users/module.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { type Database, openDatabase } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { entities } from '../../src/app/entities.ts';
import { onServer } from '../support/database.ts';
import { noRoles } from '../support/no-roles.ts';
import { startBackends } from './backends.ts';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, asked: { type: 'string', default: '400' } },
});
const [rounds, asked] = [Number(options.rounds), Number(options.asked)];

/** Users of each side; a tenth as many organizations, three memberships for each user. */
const SIDES = { small: 1_000, large: 1_000_000 } as const;
type Side = keyof typeof SIDES;
/** Members of the largest organization of a side: all users of the small one. */
const LARGEST = 100_000;
/** PostgreSQL's manual recommends a quarter of the memory (§20.4.1); its default of 128 MB is for the smallest machines, and holds a tenth of the large side. */
const BUFFERS = '1GB';
/**
 * Questions at the same time. A single one waits for a processor that slept meanwhile: to wake it takes 0.05 ms on a virtual machine, more than
 * the shortest question itself, and whether it slept depends on the last microseconds before.
 */
const AT_ONCE = 4;
/** Roles that inherit each other, and groups in each other. */
const LEVELS = 10;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const log = createLog({ level: 'silent' });

/** The ids of a table are the numbers from one, as the low half of a UUID. */
const uuid = (kind: 'a' | 'b' | 'c' | 'd', number: number): string =>
  `00000000-0000-7000-${kind}000-${number.toString(16).padStart(12, '0')}`;
const sqlUuid = (kind: string, number: string): string =>
  `('00000000-0000-7000-${kind}000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;
const [USER, ORGANIZATION, ROLE, GROUP] = ['a', 'b', 'c', 'd'] as const;

/** Organizations with roles and groups. */
const probesOf = (people: number): number => Math.min(people / 10, 500);

/** Each of these has ten groups in each other and ten roles that inherit each other; the innermost group holds ten members, the outermost has the first role. */
function fill(people: number): readonly string[] {
  const organizations = people / 10;
  const member = (n: string, spread: number): string =>
    `select ${sqlUuid(ORGANIZATION, `1 + (${n} * ${spread}::bigint) % ${organizations}`)}, ${sqlUuid(USER, n)}, 'created', now() from generate_series(1, ${people}) n`;
  const probes = probesOf(people);
  const levels = `generate_series(1, ${probes}) o, generate_series(0, ${LEVELS - 1}) l`;
  const level = (kind: string, shift = ''): string => sqlUuid(kind, `o * 16 + l${shift}`);
  return [
    `insert into users (id, status, email, email_canonical, email_verified, phone_number_verified, profile, properties, password_update_required, is_administrator, email_proof_due, created_at, updated_at)
     select ${sqlUuid(USER, 'n')}, 'active', 'p' || n || '@example.com', 'p' || n || '@example.com', true, false, '{}', '{}', false, false, false, now(), now() from generate_series(1, ${people}) n`,
    `insert into organization (id, slug, name, status, created_at, updated_at)
     select ${sqlUuid(ORGANIZATION, 'n')}, 'o' || n, 'Organization ' || n, 'active', now(), now() from generate_series(1, ${organizations}) n`,
    ...[1, 7, 13].map(
      (spread) =>
        `insert into organization_member (organization_id, user_id, source, created_at) ${member('n', spread)} on conflict do nothing`,
    ),
    `insert into organization_member (organization_id, user_id, source, created_at)
     select ${sqlUuid(ORGANIZATION, '1')}, ${sqlUuid(USER, 'n')}, 'created', now() from generate_series(1, ${Math.min(people, LARGEST)}) n on conflict do nothing`,
    `insert into role (id, organization_id, name, permissions, created_at, updated_at)
     select ${level(ROLE)}, ${sqlUuid(ORGANIZATION, 'o')}, 'ROLE_' || l, array['level.' || l], now(), now() from ${levels}`,
    `insert into role_parent (role_id, parent_id) select ${level(ROLE)}, ${level(ROLE, ' + 1')} from ${levels} where l < ${LEVELS - 1}`,
    `insert into user_group (id, organization_id, name, created_at, updated_at)
     select ${level(GROUP)}, ${sqlUuid(ORGANIZATION, 'o')}, 'Group ' || l, now(), now() from ${levels}`,
    `insert into user_group_parent (group_id, parent_id) select ${level(GROUP)}, ${level(GROUP, ' + 1')} from ${levels} where l < ${LEVELS - 1}`,
    `insert into user_group_member (group_id, user_id, created_at)
     select ${sqlUuid(GROUP, 'o * 16')}, m.user_id, now() from generate_series(1, ${probes}) o
     cross join lateral (select user_id from organization_member where organization_id = ${sqlUuid(ORGANIZATION, 'o')} order by user_id limit 10) m`,
    `insert into role_assignment (id, group_id, role_id, organization_id, created_at)
     select gen_random_uuid(), ${sqlUuid(GROUP, `o * 16 + ${LEVELS - 1}`)}, ${sqlUuid(ROLE, 'o * 16')}, ${sqlUuid(ORGANIZATION, 'o')}, now() from generate_series(1, ${probes}) o`,
  ];
}

type Opened = {
  name: string;
  people: number;
  database: Database;
  members: MemberService;
  access: EffectivePermissions;
};
/** One question; it answers how many milliseconds it took. */
type Question = (side: Opened) => Promise<number>;

const any = (most: number): number => 1 + Math.floor(Math.random() * most);
const user = (number: number): UserId => fromUuid('usr', uuid(USER, number));
const organization = (number: number): OrganizationId => fromUuid('org', uuid(ORGANIZATION, number));

async function timed(ask: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await ask();
  return performance.now() - begin;
}

/** A page of the members of the largest organization, after a part of them. */
const page =
  (part: number): Question =>
  async ({ people, members }) => {
    const after = user(Math.floor(Math.min(people, LARGEST) * part) + 1);
    return timed(async () => {
      const page = {
        limit: 50,
        after: [toUuid(after)],
        sort: 'user_id',
        isDescending: false,
        wantsTotal: false,
      } as const;
      const { items } = await members.page(organization(1), {}, page);
      if (items.length !== 50) throw new Error(`${items.length} members instead of 50`);
    });
  };

const questions: Readonly<Record<string, Question>> = {
  [`permissions through ${LEVELS} groups and ${LEVELS} roles`]: async ({ people, database, access }) => {
    const place = any(probesOf(people));
    const [held] = await database.sql<{ id: string }>(
      'select user_id as id from user_group_member where group_id = $1 order by random() limit 1',
      [uuid(GROUP, place * 16)],
    );
    return timed(async () => {
      const found = await access.permissionsOf(fromUuid('usr', held!.id), organization(place));
      if (found.size !== LEVELS) throw new Error(`${found.size} permissions instead of ${LEVELS}`);
    });
  },
  'organizations of a user': async ({ people, members }) => timed(() => members.organizationsOf(user(any(people)))),
  'whether a user is a member': async ({ people, members }) =>
    timed(() => members.isMember(organization(any(people / 10)), user(any(people)))),
  'the first page of members': page(0),
  'a page of members after nine tenths': page(0.9),
};

async function open(server: string, side: Side): Promise<Opened> {
  const name = `bench_organizations_${side}_${randomBytes(4).toString('hex')}`;
  await onServer(server, `create database ${name}`);
  const databaseUrl = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const database = await openDatabase({ config: { databaseUrl, databasePool: AT_ONCE }, log, entities });
  await database.migrate();
  const begin = performance.now();
  const people = SIDES[side];
  // Triggers tell processes of changes, and none runs here yet.
  await onServer(databaseUrl, ['set session_replication_role = replica', ...fill(people)].join(';\n'));
  await onServer(databaseUrl, 'vacuum analyze');
  // The server would write for minutes while it is asked.
  await onServer(databaseUrl, 'checkpoint');
  say(`${people} users filled in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  return { name, people, database, ...services(database) };
}

/** Nothing is kept in memory: a cache that may miss changes keeps nothing. */
function services(database: Database): Pick<Opened, 'members' | 'access'> {
  const invalidation = { publish: async () => undefined, subscribe: () => undefined, isHealthy: () => false };
  const audit = { record: () => Promise.reject(new Error('nothing is changed here')) };
  return {
    members: new MemberService({ clock: systemClock, database, audit, roles: noRoles }),
    access: new EffectivePermissions({ clock: systemClock, database, invalidation }),
  };
}

const percentile = (times: readonly number[], part: number): number =>
  times.toSorted((a, b) => a - b)[Math.ceil(times.length * part) - 1]!;
const shown = (times: readonly number[]): string =>
  [0.5, 0.95].map((part) => percentile(times, part).toFixed(2)).join('/');

/** The times of one turn. */
async function asking(question: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  let left = asked;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while ((left -= 1) >= 0) times.push(await question());
    }),
  );
  return times;
}

async function main(server: string): Promise<void> {
  const sides = [await open(server, 'small'), await open(server, 'large')];
  say('\n| question | large to small (p50) | small, ms p50/p95 | large, ms p50/p95 |\n|---|---|---|---|');
  for (const [what, question] of Object.entries(questions)) {
    const times = sides.map((): number[] => []);
    for (let round = 0; round <= rounds; round += 1)
      for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const turn = await asking(() => question(sides[at]!));
        // The first round warms up.
        if (round > 0) times[at]!.push(...turn);
      }
    const [small, large] = times as [number[], number[]];
    const ratio = percentile(large, 0.5) / percentile(small, 0.5);
    say(`| ${what} | ${ratio.toFixed(2)} | ${shown(small)} | ${shown(large)} |`);
  }
  for (const { name, database } of sides) {
    await database.close();
    await onServer(server, `drop database ${name} with (force)`);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
chmodSync(folder, 0o711);
const backends = await startBackends(folder, { shared_buffers: BUFFERS });
try {
  await main(backends.databaseUrl);
} finally {
  await backends.stop();
  rmSync(folder, { recursive: true, force: true });
}
