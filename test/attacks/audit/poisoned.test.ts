/** Rows that cannot be sealed: they stop their own chain, and no other one. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { anyEvent, openProvedAudit } from '../../support/audit.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let audit: Awaited<ReturnType<typeof openProvedAudit>>;
let errors: object[];
let now: Date;

beforeEach(async () => {
  database = await openTestDatabase();
  errors = [];
  now = new Date();
  audit = await openProvedAudit({ clock: { now: () => now }, database, onError: (fields) => void errors.push(fields) });
});
afterEach(() => database.close());

const write = (count: number, organizationId?: string) =>
  database.transaction((em) =>
    audit.log.recordAll(
      em,
      Array.from({ length: count }, () => ({
        type: anyEvent('act'),
        actor: { type: 'system' as const },
        ...(organizationId === undefined ? {} : { organizationId }),
      })),
    ),
  );
const later = (seconds: number): void => void (now = new Date(now.getTime() + seconds * 1000));

/** More than the longest key of an index, and not to be compressed to less. */
const longName = Array.from({ length: 300 }, () => crypto.randomUUID()).join('');

/** An attacker with the rights of the owner removes the limit and the index of events first. */
async function putInLongName(): Promise<void> {
  await write(600, 'org_long');
  await database.sql(`alter table audit_event drop constraint audit_event_chain_check`);
  await database.sql(`drop index audit_event_organization_index`);
  await database.sql(`update audit_event set organization_id = $1`, [longName]);
}

async function forgeLastNumber(): Promise<void> {
  await write(1, 'org_long');
  await audit.sealer.seal();
  await database.sql(
    `insert into audit_seal select chain, 9223372036854775807, sealed_at, event_id, event_at, key_id, seal from audit_seal`,
  );
  await write(600, 'org_long');
}

test.each([
  ['with a name that no index takes', putInLongName, /^[0-9a-f-]{36}/],
  ['with a forged seal of the last number', forgeLastNumber, /^org_long$/],
])('a chain %s stops alone, and verification names it', async (_what, poison, name) => {
  await poison();
  await write(3);
  await write(2, 'org_1');
  await audit.sealer.seal();
  const sealed = `select chain, count(*)::int as events from audit_seal where chain in ('instance', 'org_1') group by 1 order by 1`;
  expect(await database.sql(sealed)).toEqual([
    { chain: 'instance', events: 3 },
    { chain: 'org_1', events: 2 },
  ]);
  expect(errors).toEqual([{ err: expect.any(Error) as unknown, chain: expect.stringMatching(name) as unknown }]);
  later(30);
  await write(1);
  await audit.sealer.seal();
  expect(errors).toHaveLength(1);
  later(40);
  await write(1);
  await audit.sealer.seal();
  // Tried again each minute.
  expect(errors).toHaveLength(2);
  expect(await database.sql(sealed)).toMatchObject([{ events: 5 }, { events: 2 }]);
  const { intact, problems } = await audit.verifier.verify();
  expect(intact).toBe(false);
  expect(problems).toContainEqual({
    chain: expect.stringMatching(name) as unknown,
    sequence: null,
    problem: expect.stringMatching(/not sealed although others are: 600 events wait/) as unknown,
  });
});

test('a chain whose name is longer than any id is refused when it is written', async () => {
  await expect(write(1, 'o'.repeat(201))).rejects.toThrow(/audit_event_chain_check/);
  await write(1, 'o'.repeat(200));
  await audit.sealer.seal();
  expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 1 });
});

test('a chain that waits for an ordinary reason is not named', async () => {
  await write(3);
  later(300);
  await write(3, 'org_1');
  expect(await audit.verifier.verify()).toMatchObject({ intact: true, unsealed: 6, problems: [] });
  await audit.sealer.seal();
  await write(3, 'org_1');
  later(300);
  expect(await audit.verifier.verify()).toMatchObject({ intact: true, unsealed: 3, problems: [] });
});
