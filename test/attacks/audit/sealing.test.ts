/** Faults during sealing: two nodes at once, a crash, an act that commits late. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { anyEvent, openProvedAudit } from '../../support/audit.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let audit: Awaited<ReturnType<typeof openProvedAudit>>;

const by = { actor: { type: 'system' as const } };
const many = (count: number): AuditEvent[] =>
  Array.from({ length: count }, (_, i) => ({ type: anyEvent(`act.${i}`), ...by }));
const write = (count: number) => database.transaction((em) => audit.log.recordAll(em, many(count)));

beforeEach(async () => {
  database = await openTestDatabase();
  audit = await openProvedAudit({ clock: systemClock, database });
});
afterEach(() => database.close());

/** Its transactions end without a commit. */
function crashingEm(hasWritten: boolean): EntityManager {
  const em = database.em();
  const { transactional } = em;
  em.transactional = (work) =>
    transactional.call(em, async (inside) => {
      if (hasWritten) await work(inside);
      throw new Error('the process is gone');
    }) as never;
  return em;
}

async function whole(events: number): Promise<void> {
  await audit.sealer.seal();
  expect(await audit.verifier.verify()).toMatchObject({ intact: true, events, unsealed: 0 });
  expect(await database.sql('select 1 from audit_seal s group by s.event_id having count(*) > 1')).toEqual([]);
}

describe('sealing', () => {
  test('gives each number once when two nodes seal at once while others write', async () => {
    const other = await openProvedAudit({ clock: systemClock, database });
    await write(1200);
    const sealed = await Promise.all([
      audit.sealer.seal(),
      other.sealer.seal(),
      write(300),
      other.sealer.seal(),
      audit.sealer.seal(),
    ]);
    expect(sealed.some((count) => count === 0 || count === undefined)).toBe(true);
    await whole(1500);
  });

  test.each([
    ['before it has written anything', 0],
    ['after it has written the seals', 1],
  ])('goes on where it was when a sealer crashes in a batch, %s', async (_when, at) => {
    await write(700);
    const crashing = await openProvedAudit({
      clock: systemClock,
      database: {
        ...database,
        em: () => crashingEm(at === 1),
      },
    });
    await expect(crashing.sealer.seal()).rejects.toThrow('gone');
    expect(await database.sql('select 1 from audit_seal limit 1')).toEqual([]);
    await whole(700);
  });

  test.skipIf(!process.env['TEST_DATABASE_URL'])('gives an act that commits late a later number', async () => {
    const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
    const { promise: isWritten, resolve: written } = Promise.withResolvers<void>();
    const late = database.transaction(async (em) => {
      await audit.log.record(em, { type: anyEvent('late'), ...by });
      written();
      await isOver;
    });
    await isWritten;
    await write(3);
    await audit.sealer.seal();
    end();
    await late;
    await whole(4);
    expect(
      await database.sql(
        'select s.sequence::int as sequence from audit_seal s join audit_event e on e.id = s.event_id where e.type = $1',
        ['late'],
      ),
    ).toEqual([{ sequence: 4 }]);
  });

  test('does not wait for an event that was deleted meanwhile', async () => {
    await write(2);
    await database.sql(
      `insert into audit_unsealed (place, event_id, at) values ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), now())`,
    );
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: false, events: 2, unsealed: 1 });
  });

  test('gives events of one moment their seals in one batch', async () => {
    audit.sealer.start();
    for (let event = 0; event < 3; event += 1) {
      await audit.log.note({ type: anyEvent('noted'), ...by });
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    const sealed = () => database.sql('select sealed_at from audit_seal');
    await expect.poll(async () => (await sealed()).length, { timeout: 5000 }).toBe(3);
    // On a slow machine the last one may come too late for the first batch.
    expect(new Set((await sealed()).map((row) => String(row['sealed_at']))).size).toBeLessThanOrEqual(2);
    await audit.sealer.stop();
    await whole(3);
  });

  test('starts automatically after writes, and stops on request', async () => {
    audit.sealer.start();
    await write(3);
    await expect.poll(async () => (await audit.verifier.verify()).events, { timeout: 5000 }).toBe(3);
    await audit.log.note({ type: anyEvent('noted'), ...by });
    await expect.poll(async () => (await audit.verifier.verify()).events, { timeout: 5000 }).toBe(4);
    await audit.sealer.stop();
    await write(1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 4, unsealed: 1 });
  });
});
