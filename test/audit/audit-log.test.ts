import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuditLog, createAudit } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent } from '../support/audit.ts';
import { openTestDatabase } from '../support/database.ts';

const many = anyEvent('thing.done');

let database: Database;
let audit: AuditLog;

beforeEach(async () => {
  database = await openTestDatabase();
  audit = createAudit({ clock: systemClock, database }).log;
  for (let i = 0; i < 5; i += 1)
    await audit.note(
      anyEvent(`thing.${i}`)({ actor: { type: 'system' }, details: { b: i, a: { y: 1, x: [i, null] } } }),
    );
});
afterEach(() => database.close());

describe('the audit log', () => {
  test('verifies as written', async () => {
    expect(await audit.verify()).toEqual({ intact: true, events: 5 });
  });

  test('numbers events without a gap also when many are written at once', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => audit.note(many({ actor: { type: 'system' }, details: { i } }))),
    );
    expect(await audit.verify()).toEqual({ intact: true, events: 25 });
  });

  test('keeps one chain when many events of one act are written together, while others write', async () => {
    const batch = (from: number) =>
      database.transaction((em) =>
        audit.recordAll(
          em,
          Array.from({ length: 50 }, (_, i) =>
            many({
              actor: { type: 'operator' },
              subject: { type: 'user', id: `usr_${from + i}` },
              details: { z: 1, a: { name: 'Zoë', missing: undefined } },
            }),
          ),
        ),
      );
    const one = () => audit.note(many({ actor: { type: 'system' }, details: {} }));
    await Promise.all([batch(0), one(), batch(50), one(), batch(100)]);
    expect(await audit.verify()).toEqual({ intact: true, events: 157 });
  });

  test('begins a chain with many events, and writes none for an empty list', async () => {
    await database.transaction((em) =>
      audit.recordAll(em, [
        many({ actor: { type: 'system' }, organizationId: 'org_9', details: {} }),
        many({ actor: { type: 'system' }, organizationId: 'org_9', details: {} }),
      ]),
    );
    await database.transaction((em) => audit.recordAll(em, []));
    expect(await audit.verify('org_9')).toEqual({ intact: true, events: 2 });
    expect(await audit.verify()).toEqual({ intact: true, events: 5 });
  });

  test.each([
    ['changed', `update audit_event set outcome = 'failure' where sequence = 3`, '3'],
    [
      'changed inside its details',
      `update audit_event set details = '{"a":{"x":[9,null],"y":1},"b":2}' where sequence = 3`,
      '3',
    ],
    ['removed', 'delete from audit_event where sequence = 3', '4'],
    ['removed at the end', 'delete from audit_event where sequence = 5', '5'],
    ['moved', 'update audit_event set sequence = sequence + 10 where sequence = 3', '4'],
    [
      'added',
      `insert into audit_event select gen_random_uuid(), chain, 6, at, type, actor_type, actor_id, subject_type, subject_id, client_id, session_id, ip, user_agent, request_id, outcome, details, hash from audit_event where sequence = 5`,
      '6',
    ],
  ])('reports an event that was %s', async (_what, tampering, sequence) => {
    await database.sql(tampering);
    expect(await audit.verify()).toEqual({ intact: false, sequence });
  });

  test('rolls the act back when it cannot be written', async () => {
    await database.sql('alter table audit_event rename to audit_event_away');
    const act = database.transaction(async (em) => {
      await em.execute(`insert into setting (section, value, changed_at) values ('x', '{}', now())`);
      await audit.record(em, many({ actor: { type: 'system' }, details: {} }));
    });
    await expect(act).rejects.toThrow();
    expect(await database.sql(`select 1 from setting where section = 'x'`)).toEqual([]);
  });

  test('keeps a chain for each organization', async () => {
    await audit.note(many({ actor: { type: 'system' }, organizationId: 'org_1', details: {} }));
    expect(await audit.verify('org_1')).toEqual({ intact: true, events: 1 });
    expect(await audit.verify()).toEqual({ intact: true, events: 5 });
  });
});
