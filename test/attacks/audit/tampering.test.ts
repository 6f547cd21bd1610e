/** An attacker who has the database, with every right on it, and not the key ring. */
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent, openProvedAudit } from '../../support/audit.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let audit: Awaited<ReturnType<typeof openProvedAudit>>;

const by = { actor: { type: 'operator' as const } };

beforeEach(async () => {
  database = await openTestDatabase();
  audit = await openProvedAudit({ clock: systemClock, database });
  for (let i = 1; i <= 6; i += 1)
    await audit.log.note({ type: anyEvent(`act.${i}`), ...by, details: { amount: i }, outcome: 'success' });
  await audit.sealer.seal();
  expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 6 });
});
afterEach(() => database.close());

const found = (sequence: string | null, problem: RegExp) => ({
  intact: false,
  problems: expect.arrayContaining([
    { chain: 'instance', sequence, problem: expect.stringMatching(problem) },
  ]) as unknown,
});

async function run(...statements: string[]): Promise<void> {
  for (const statement of statements) await database.sql(statement);
}

/** Removes events, their details and their seals from a number on. */
const cutFrom = (sequence: number) => [
  `delete from audit_detail where event_id in (select event_id from audit_seal where sequence >= ${sequence})`,
  `delete from audit_event where id in (select event_id from audit_seal where sequence >= ${sequence})`,
  `delete from audit_seal where sequence >= ${sequence}`,
];
const eventOf = (sequence: number) => `(select event_id from audit_seal where sequence = ${sequence})`;

describe('changed events are detected', () => {
  test.each([
    [
      'the newest are cut and the head is moved back',
      [
        `delete from audit_event where id in ${eventOf(6)}`,
        `delete from audit_detail where event_id in ${eventOf(6)}`,
        `insert into audit_chain values ('instance', 5, '\\x00') on conflict (chain) do update set sequence = 5`,
      ],
      '6',
      /event of this seal was removed/,
    ],
    [
      'their newest seals are cut',
      ['delete from audit_seal where sequence >= 5'],
      null,
      /has no seal and does not wait/,
    ],
    ['one is changed', [`update audit_event set outcome = 'failure' where id in ${eventOf(3)}`], '3', /does not fit/],
    [
      'one is blamed on another actor',
      [`update audit_event set actor_type = 'user', actor_id = 'usr_eve' where id in ${eventOf(3)}`],
      '3',
      /does not fit/,
    ],
    [
      'one is removed with its seal',
      [
        `delete from audit_event where id in ${eventOf(3)}`,
        `delete from audit_detail where event_id in ${eventOf(3)}`,
        'delete from audit_seal where sequence = 3',
      ],
      '4',
      /seals before this one are missing: number 3/,
    ],
    [
      'one is removed and the later ones move up',
      [
        `delete from audit_event where id in ${eventOf(3)}`,
        'delete from audit_seal where sequence = 3',
        'update audit_seal set sequence = sequence - 1 where sequence > 3',
      ],
      '3',
      /does not fit/,
    ],
    [
      'the details of two change places',
      [
        `update audit_detail d set details = o.details, salt = o.salt from audit_detail o
         where d.event_id in ${eventOf(2)} and o.event_id in ${eventOf(5)}`,
      ],
      '2',
      /details of the event were changed/,
    ],
    [
      'details are changed',
      [`update audit_detail set details = '{"amount": 1000}' where event_id in ${eventOf(4)}`],
      '4',
      /details of the event were changed/,
    ],
    [
      'details are changed and the digest with them',
      [
        `update audit_detail set details = '{"amount": 1000}' where event_id in ${eventOf(4)}`,
        `update audit_event e set digest = encode(sha256(convert_to(jsonb_build_array(d.salt, d.ip, d.user_agent, d.request_id, d.details)::text, 'UTF8')), 'hex')
         from audit_detail d where d.event_id = e.id and e.id in ${eventOf(4)}`,
      ],
      '4',
      /does not fit/,
    ],
    ['details are removed', [`delete from audit_detail where event_id in ${eventOf(4)}`], '4', /details .* removed/],
    [
      'details are emptied',
      [`update audit_detail set details = '{}', salt = null where event_id in ${eventOf(4)}`],
      '4',
      /no record says that its user was erased/,
    ],
    [
      'two change places',
      [
        'update audit_seal set sequence = 100 where sequence = 2',
        'update audit_seal set sequence = 2 where sequence = 3',
        'update audit_seal set sequence = 3 where sequence = 100',
      ],
      '2',
      /does not fit/,
    ],
    [
      'one is put in by hand',
      [
        `insert into audit_event (id, at, type, actor_type, outcome, digest) values (gen_random_uuid(), now(), 'user.erased', 'system', 'success', '')`,
      ],
      null,
      /has no seal and does not wait for one/,
    ],
    [
      'one is put in by hand with the seal of another one',
      [
        `with event as (insert into audit_event (id, at, type, actor_type, outcome, digest)
           values (gen_random_uuid(), date_trunc('milliseconds', now()), 'x', 'system', 'success', '') returning id, at)
         insert into audit_seal (chain, sequence, sealed_at, event_id, event_at, key_id, seal)
           select s.chain, s.sequence + 1, s.sealed_at, event.id, event.at, s.key_id, s.seal from audit_seal s, event where s.sequence = 6`,
      ],
      '7',
      /does not fit/,
    ],
    [
      'one is put in by hand with a seal before the first number',
      [
        `with event as (insert into audit_event (id, at, type, actor_type, outcome, digest)
           values (gen_random_uuid(), date_trunc('milliseconds', now()), 'x', 'system', 'success', '') returning id, at)
         insert into audit_seal (chain, sequence, sealed_at, event_id, event_at, key_id, seal)
           select s.chain, -1, s.sealed_at, event.id, event.at, s.key_id, s.seal from audit_seal s, event where s.sequence = 1`,
      ],
      '-1',
      /one seal too many/,
    ],
    [
      'one is written a second time under the same id, at another time',
      [
        `insert into audit_event (id, at, type, actor_type, outcome, digest)
         select id, at - interval '1 hour', 'user.erased', actor_type, outcome, digest from audit_event where id in ${eventOf(3)}`,
      ],
      null,
      /has no seal and does not wait for one/,
    ],
    [
      'a seal is there twice',
      [
        `insert into audit_seal (chain, sequence, sealed_at, event_id, event_at, key_id, seal)
         select chain, sequence, sealed_at + interval '1 second', event_id, event_at, key_id, seal from audit_seal where sequence = 6`,
      ],
      '6',
      /one seal too many/,
    ],
    [
      'an event is removed before it has a seal',
      [
        `insert into audit_unsealed (place, event_id, at) values (gen_random_uuid(), '01890000-0000-7000-8000-000000000001', now())`,
      ],
      null,
      /01890000-0000-7000-8000-000000000001 was removed before it was sealed/,
    ],
  ])('%s', async (_what, statements, sequence, problem) => {
    await run(...statements);
    expect(await audit.verifier.verify()).toMatchObject(found(sequence, problem));
  });

  test('one is removed and all later ones are sealed again with an attacker’s key', async () => {
    await run(...cutFrom(3).slice(0, 2), 'delete from audit_seal where sequence = 3');
    const key = 'a key that is not of the ring';
    const rows = await database.sql<{ sequence: string }>(
      'select s.sequence::text from audit_seal s where s.sequence > 3',
    );
    for (const { sequence } of rows)
      await database.sql('update audit_seal set sequence = sequence - 1, seal = $2 where sequence = $1::bigint', [
        sequence,
        createHmac('sha256', key).update(sequence).digest(),
      ]);
    expect((await audit.verifier.verify()).problems[0]).toMatchObject({ sequence: '3' });
    await run(`update audit_seal set key_id = 'another' where sequence >= 3`);
    expect((await audit.verifier.verify()).problems[0]).toMatchObject({ sequence: '3' });
  });

  test('an attacker’s key in the table of keys is useless', async () => {
    await run(
      `insert into audit_seal_key (id, sealed, created_at) values ('another', 'lk1.${'A'.repeat(8)}.${'A'.repeat(80)}', now())`,
      `update audit_seal set key_id = 'another' where sequence = 6`,
    );
    expect(await audit.verifier.verify()).toMatchObject(found('6', /key another of this seal is not known/));
  });

  test('the newest events are removed with their seals: the process that sealed them reports it at the next seal', async () => {
    const lines: unknown[] = [];
    audit = await openProvedAudit({
      clock: systemClock,
      database,
      onError: (fields) => void lines.push(fields),
    });
    await audit.log.note({ type: anyEvent('act.7'), ...by });
    await audit.sealer.seal();
    await run(...cutFrom(5));
    await audit.log.note({ type: anyEvent('act.8'), ...by });
    await audit.sealer.seal();
    expect(lines).toEqual([{ chain: 'instance', last: '4', given: '7' }]);
  });
});
