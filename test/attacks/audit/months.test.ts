/** Months that are gone: on purpose, which the record says itself, and otherwise. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { byClient, byUser, operator } from '#audit/module.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent, openProvedAudit } from '../../support/audit.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let audit: Awaited<ReturnType<typeof openProvedAudit>>;
let now = new Date('2031-01-20T10:00:00.000Z');
const clock = { now: () => now };

beforeEach(async () => {
  database = await openTestDatabase();
  audit = await openProvedAudit({ clock, database });
  // Ends of months, where an event and its seal fall apart.
  await write('2031-01-20T10:00:00.000Z', 3, '2031-01-20T10:00:01.000Z');
  await write('2031-01-31T23:59:59.900Z', 1, '2031-02-01T00:00:00.100Z');
  await write('2031-02-14T10:00:00.000Z', 3, '2031-02-14T10:00:00.000Z', 'org_1');
  await write('2031-03-14T10:00:00.000Z', 3, '2031-03-14T10:00:00.000Z');
  expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 10, chains: 2 });
});
afterEach(() => database.close());

async function write(at: string, count: number, sealedAt: string, organizationId?: string): Promise<void> {
  now = new Date(at);
  await audit.partitions.ensure();
  const org = organizationId === undefined ? {} : { organizationId };
  for (let i = 0; i < count; i += 1) await audit.log.note({ type: anyEvent('act'), ...byClient('shop'), ...org });
  now = new Date(sealedAt);
  await audit.sealer.seal();
}

const dropTables = async (month: string, tables = ['audit_event', 'audit_detail', 'audit_seal']): Promise<void> => {
  for (const table of tables) await database.sql(`drop table ${table}_${month}`);
};

describe('months that the operator drops', () => {
  test('leave an event that verification accepts', async () => {
    const dropped = await audit.retention.drop('2031-02', operator);
    expect(dropped).toMatchObject({ before: '2031-02', chains: { instance: { sequence: '4' } } });
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 7 });
    expect(await database.sql(`select to_regclass('audit_event_2031_01') as gone`)).toEqual([{ gone: null }]);
    expect(
      await database.sql(
        `select actor_type, details->>'before' as before from audit_record where type = 'audit.months_dropped'`,
      ),
    ).toEqual([{ actor_type: 'operator', before: '2031-02' }]);
    await audit.retention.drop('2031-03', operator);
    await write('2031-03-15T10:00:00.000Z', 2, '2031-03-15T10:00:00.000Z', 'org_1');
    // The last event of a chain stays, so that the next one is sealed behind it.
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, chains: 2 });
    expect(await database.sql(`select min(s.sequence)::int as first from audit_seal s where chain = 'org_1'`)).toEqual([
      { first: 3 },
    ]);
  });

  test('may hold the record of an erased user whose last event stays', async () => {
    const user = 'usr_01h455vb4pex5vsknk084sn02q';
    const act = { ...byUser(user), organizationId: 'org_2', details: { note: 'personal' } };
    await audit.log.note({ type: anyEvent('act'), ...act });
    await database.transaction(async (em) => {
      await audit.log.forgetPerson(em, user);
      await audit.log.record(em, { type: anyEvent('user.erased'), ...operator, subject: { type: 'user', id: user } });
    });
    await audit.log.note({ type: anyEvent('act'), ...operator });
    await audit.sealer.seal();
    // Twice: the second drop knows of the erasure from the record of the first alone.
    for (const month of ['2031-04', '2031-05']) {
      await write(`${month}-10T10:00:00.000Z`, 1, `${month}-10T10:00:01.000Z`);
      await audit.retention.drop(month, operator);
      await audit.sealer.seal();
      expect(await audit.verifier.verify()).toMatchObject({ intact: true, problems: [] });
    }
    const kept = `(select event_id from audit_seal where chain = 'org_1')`;
    await database.sql(`update audit_detail set details = '{}', salt = null where event_id in ${kept}`);
    expect(await audit.verifier.verify()).toMatchObject({ intact: false, problems: [{ chain: 'org_1' }] });
  });

  test('do not affect earlier and later checkpoints', async () => {
    const { checkpoint: before } = await audit.checkpoints.make();
    await audit.retention.drop('2031-03', operator);
    await audit.sealer.seal();
    const { checkpoint: after } = await audit.checkpoints.make();
    expect(await audit.verifier.verify({ checkpoints: `${before}\n${after}` })).toMatchObject({ intact: true });
  });

  test.each([['2031-04'], ['2031-13'], ['january'], ['']])('are not %s', async (before) => {
    await expect(audit.retention.drop(before, operator)).rejects.toMatchObject({ code: 'audit.month_refused' });
  });

  test('may not contain events without a seal', async () => {
    now = new Date('2031-02-20T10:00:00.000Z');
    await audit.log.note({ type: anyEvent('act'), ...operator });
    now = new Date('2031-03-20T10:00:00.000Z');
    await expect(audit.retention.drop('2031-03', operator)).rejects.toMatchObject({ code: 'audit.month_refused' });
  });
});

describe('times that are wrong', () => {
  const sealTimes = () =>
    database.sql<{ at: string }>(
      `select to_char(sealed_at at time zone 'utc', 'YYYY-MM') as at from audit_seal where chain = 'org_1' order by sequence`,
    );
  const numbers = async () =>
    (
      await database.sql<{ sequence: number }>(
        `select sequence::int from audit_seal where chain = 'org_1' order by sequence`,
      )
    ).map(({ sequence }) => sequence);

  test('an event of the far future does not give its time to later seals, and goes with its month', async () => {
    await write('2031-03-20T10:00:00.000Z', 1, '2031-03-20T10:00:00.000Z', 'org_1');
    now = new Date('2099-01-01T00:00:00.000Z');
    await audit.log.note({ type: anyEvent('act'), ...byClient('shop'), organizationId: 'org_1' });
    now = new Date('2031-03-21T10:00:00.000Z');
    await audit.sealer.seal();
    await write('2031-04-20T10:00:00.000Z', 2, '2031-04-20T10:00:00.000Z', 'org_1');
    expect((await sealTimes()).map(({ at }) => at)).toEqual([
      ...Array(3).fill('2031-02'),
      ...Array(2).fill('2031-03'),
      ...Array(2).fill('2031-04'),
    ]);
    await audit.retention.drop('2031-04', operator);
    await audit.sealer.seal();
    expect(await numbers()).toEqual([6, 7]);
    expect(await database.sql(`select 1 from audit_event where at > '2090-01-01'`)).toEqual([]);
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, problems: [] });
  });

  test('a sealer with a wrong clock neither keeps months nor removes later ones', async () => {
    await write('2031-03-20T10:00:00.000Z', 2, '2097-03-20T10:00:00.000Z', 'org_1');
    await write('2031-04-20T10:00:00.000Z', 2, '2031-04-20T10:00:00.000Z', 'org_1');
    await write('2031-05-20T10:00:00.000Z', 2, '2020-04-20T10:00:00.000Z', 'org_1');
    now = new Date('2031-05-21T10:00:00.000Z');
    await audit.retention.drop('2031-04', operator);
    await audit.sealer.seal();
    expect(await numbers()).toEqual([6, 7, 8, 9]);
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, problems: [] });
  });

  test('clocks that differ by seconds leave no seal before the one that precedes it', async () => {
    await write('2031-04-01T00:00:00.000Z', 1, '2031-04-01T00:00:02.000Z', 'org_1');
    await write('2031-03-31T23:59:58.000Z', 1, '2031-03-31T23:59:59.000Z', 'org_1');
    expect((await sealTimes()).slice(-2).map(({ at }) => at)).toEqual(['2031-04', '2031-04']);
  });
});

test.runIf(process.env['TEST_DATABASE_URL'])(
  'an event of a dropped month that is committed meanwhile is not lost',
  async () => {
    let dropping: Promise<unknown> = Promise.resolve();
    now = new Date('2031-02-14T10:00:00.000Z');
    await database.transaction(async (em) => {
      await audit.log.record(em, { type: anyEvent('act'), ...byClient('shop') });
      now = new Date('2031-03-20T10:00:00.000Z');
      dropping = audit.retention.drop('2031-03', operator).then(
        () => 'dropped',
        (error: { code: string }) => error.code,
      );
      await new Promise((resolve) => setTimeout(resolve, 400));
    });
    expect(await dropping).toBe('audit.month_refused');
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 11 });
  },
);

describe('months that disappear in another way are reported', () => {
  test.each([
    ['the first month', () => dropTables('2031_01'), '4', /missing: numbers 1 to 3/],
    ['the events of a month', () => dropTables('2031_01', ['audit_event']), '1', /event of this seal was removed/],
    ['the details of a month', () => dropTables('2031_01', ['audit_detail']), '1', /details of the event were removed/],
    ['the seals of a month', () => dropTables('2031_03', ['audit_seal']), null, /has no seal and does not wait/],
    [
      'a month with a record that was put in by hand',
      async () => {
        const [end] = await database.sql<{ seal: string }>(
          `select encode(seal, 'hex') as seal from audit_seal s where s.sequence = 3 and chain = 'instance'`,
        );
        await dropTables('2031_01');
        const chains = { instance: { sequence: '3', seal: end!.seal } };
        const [key] = await database.sql<{ id: string }>('select id from audit_seal_key');
        const details = { before: '2031-02', chains, key: key!.id, proof: 'a'.repeat(64) };
        await audit.log.note({ type: anyEvent('audit.months_dropped'), ...operator, details });
        await audit.sealer.seal();
      },
      '4',
      /No record says that they were dropped/,
    ],
  ])('%s', async (_what, tamper, sequence, problem) => {
    await tamper();
    const { intact, problems } = await audit.verifier.verify();
    expect(intact).toBe(false);
    expect(problems).toContainEqual({
      chain: 'instance',
      sequence,
      problem: expect.stringMatching(problem) as unknown,
    });
  });
});

describe('partitions', () => {
  test('are created for this month and the next two, once', async () => {
    const made = () =>
      database.sql<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit_seal'::regclass and inhrelid::regclass::text like '%2031%' order by 1`,
      );
    const before = await made();
    expect(before.map(({ name }) => name)).toEqual(
      ['01', '02', '03', '04', '05'].map((month) => `audit_seal_2031_${month}`),
    );
    await audit.partitions.ensure();
    expect(await made()).toEqual(before);
    expect(await database.sql('select 1 from audit_event_2031_03')).toHaveLength(3);
  });

  test('may be missing: events go into the default one, and the log verifies', async () => {
    now = new Date('2033-06-14T10:00:00.000Z');
    await audit.log.note({ type: anyEvent('act'), ...operator });
    await audit.sealer.seal();
    expect(await database.sql('select 1 from audit_event_default')).toHaveLength(1);
    // A month that has events in the default partition stays there.
    await audit.partitions.ensure();
    expect(
      await database.sql(
        `select to_regclass('audit_event_2033_06')::text as june, to_regclass('audit_event_2033_07')::text as july`,
      ),
    ).toEqual([{ june: null, july: 'audit_event_2033_07' }]);
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 11 });
    now = new Date('2033-08-14T10:00:00.000Z');
    await audit.log.note({ type: anyEvent('act'), ...operator });
    await audit.sealer.seal();
    await audit.retention.drop('2033-07', operator);
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true });
  });

  test('are not needed by an application without the right to create them', async () => {
    now = new Date('2034-06-14T10:00:00.000Z');
    const asOwner = vi.fn(async () => Promise.reject(new Error('permission denied')));
    const other = await openProvedAudit({ clock, database: { ...database, asOwner } });
    await other.partitions.ensure();
    expect(asOwner).toHaveBeenCalledTimes(3);
    await other.log.note({ type: anyEvent('act'), ...operator });
    await other.sealer.seal();
    expect(await other.verifier.verify()).toMatchObject({ intact: true, events: 11 });
  });
});
