import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { oneStatement } from '#kernel/postgres/one-statement.ts';
import { anyEvent, openProvedAudit } from '../support/audit.ts';
import { openTestDatabase } from '../support/database.ts';

let database: Database;
let audit: Awaited<ReturnType<typeof openProvedAudit>>;

const system = { actor: { type: 'system' as const } };

beforeEach(async () => {
  database = await openTestDatabase();
  audit = await openProvedAudit({ clock: systemClock, database });
  for (let i = 0; i < 5; i += 1)
    await audit.log.note({ type: anyEvent(`thing.${i}`), ...system, details: { b: i, a: { y: 1, x: [i, null] } } });
});
afterEach(() => database.close());

async function sealAndVerify() {
  await audit.sealer.seal();
  return audit.verifier.verify();
}

const many = (from: number, count: number): AuditEvent[] =>
  Array.from({ length: count }, (_, i) => ({
    type: anyEvent('user.imported'),
    actor: { type: 'operator' },
    subject: { type: 'user', id: `usr_${from + i}` },
    details: { z: 1, a: { name: 'Zoë ? \\ " $1', missing: undefined } },
  }));

describe('the audit log', () => {
  test('verifies as written', async () => {
    expect(await sealAndVerify()).toEqual({
      intact: true,
      events: 5,
      chains: 1,
      unsealed: 0,
      oldest_unsealed_seconds: null,
      checkpoints: 0,
      checkpoint_age_seconds: null,
      events_after_checkpoint: null,
      problems: [],
    });
  });

  test('reports the number of unsealed events and the age of the oldest', async () => {
    await database.sql(`update audit_unsealed set at = at - interval '90 seconds'`);
    await database.sql(`update audit_event set at = at - interval '90 seconds'`);
    await database.sql(`update audit_detail set at = at - interval '90 seconds'`);
    const report = await audit.verifier.verify();
    expect(report).toMatchObject({ intact: true, events: 0, unsealed: 5 });
    expect(report.oldest_unsealed_seconds).toBeGreaterThanOrEqual(90);
    expect(report.oldest_unsealed_seconds).toBeLessThan(100);
  });

  test('stores events apart from erasable details', async () => {
    const visitor = { ip: '203.0.113.24', userAgent: 'A browser', requestId: 'r1' };
    await audit.log.note({
      type: anyEvent('user.signed_in'),
      actor: { type: 'user', id: 'usr_1' },
      subject: { type: 'user', id: 'usr_1' },
      clientId: 'shop',
      sessionId: 's1',
      visitor,
      outcome: 'failure',
      details: { level: 2 },
    });
    expect(
      await database.sql(
        `select actor_type, actor_id, subject_type, subject_id, organization_id, client_id, session_id, outcome, ip, user_agent, request_id, details, salt
         from audit_event where type = 'user.signed_in'`,
      ),
    ).toEqual([
      {
        actor_type: 'user',
        actor_id: 'usr_1',
        subject_type: 'user',
        subject_id: 'usr_1',
        organization_id: null,
        client_id: 'shop',
        session_id: 's1',
        outcome: 'failure',
        ip: null,
        user_agent: null,
        request_id: null,
        details: {},
        salt: null,
      },
    ]);
    expect(
      await database.sql(
        `select d.ip, d.user_agent, d.request_id, d.details from audit_detail d join audit_event e on e.id = d.event_id where e.type = 'user.signed_in'`,
      ),
    ).toEqual([{ ip: '203.0.113.24', user_agent: 'A browser', request_id: 'r1', details: { level: 2 } }]);
  });

  test('numbers events without a gap also when many are written and sealed at once', async () => {
    await Promise.all([
      ...Array.from({ length: 20 }, (_, i) => audit.log.note({ type: anyEvent('many'), ...system, details: { i } })),
      audit.sealer.seal(),
      database.transaction((em) => audit.log.recordAll(em, many(0, 700))),
      audit.sealer.seal(),
    ]);
    expect(await sealAndVerify()).toMatchObject({ intact: true, events: 725, unsealed: 0 });
    const numbers = await database.sql<{ sequence: string }>(
      'select sequence::text from audit_seal s order by s.sequence',
    );
    expect(numbers.map(({ sequence }) => Number(sequence))).toEqual(Array.from({ length: 725 }, (_, i) => i + 1));
  });

  test('writes nothing for an empty list of events', async () => {
    await database.transaction((em) => audit.log.recordAll(em, []));
    expect(await sealAndVerify()).toMatchObject({ intact: true, events: 5 });
  });

  test('writes its part of an act when the act succeeds, and only then', async () => {
    const act = (isRight: boolean) => {
      const decision = {
        name: 'decision',
        values: [isRight],
        text: (at: (place: number) => string) => `decision as (select 1 as done where ${at(0)}::boolean)`,
      };
      const part = audit.log.part({ type: anyEvent(`act.${isRight}`), ...system });
      const { text, values } = oneStatement({ conditions: [], decision, others: [part] });
      return database.sql(text, values);
    };
    expect(await act(true)).toHaveLength(1);
    expect(await act(false)).toHaveLength(0);
    expect(await database.sql(`select type from audit_event where type like 'act.%'`)).toEqual([{ type: 'act.true' }]);
    expect(await sealAndVerify()).toMatchObject({ intact: true, events: 6 });
  });

  test('rolls the act back when it cannot be written', async () => {
    await database.sql('alter table audit_detail rename to audit_detail_away');
    const act = database.transaction(async (em) => {
      await em.execute(`insert into setting (section, value, changed_at) values ('x', '{}', now())`);
      await audit.log.record(em, { type: anyEvent('x'), ...system });
    });
    await expect(act).rejects.toThrow();
    expect(await database.sql(`select 1 from setting where section = 'x'`)).toEqual([]);
  });

  test('keeps a chain for each organization', async () => {
    await audit.log.note({ type: anyEvent('a'), ...system, organizationId: 'org_1' });
    await audit.log.note({ type: anyEvent('b'), ...system, organizationId: 'org_1' });
    expect(await sealAndVerify()).toMatchObject({ intact: true, events: 7, chains: 2 });
    expect(
      await database.sql(
        'select chain, max(sequence)::int as last, count(*)::int as many from audit_seal group by chain order by chain',
      ),
    ).toEqual([
      { chain: 'instance', last: 5, many: 5 },
      { chain: 'org_1', last: 2, many: 2 },
    ]);
  });
});
