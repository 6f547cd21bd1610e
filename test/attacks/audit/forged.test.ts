/** Rows that an attacker with the rights of the application writes, to hide an act or to prevent verification. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent, openProvedAudit } from '../../support/audit.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let audit: Awaited<ReturnType<typeof openProvedAudit>>;
let now = new Date('2031-01-20T10:00:00.000Z');
const clock = { now: () => now };

beforeEach(async () => {
  now = new Date('2031-01-20T10:00:00.000Z');
  database = await openTestDatabase();
  audit = await openProvedAudit({ clock, database });
  for (let i = 1; i <= 3; i += 1) await audit.log.note({ type: anyEvent('act'), ...operator });
  await audit.sealer.seal();
  expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 3 });
});
afterEach(() => database.close());

const EVENT = '0195b7e0-3f6a-7c1d-9e52-7a8b9c0d1e2f';
const putIn = (id: string, at: string, organization = 'null', type = 'act') =>
  `insert into audit_event (id, at, type, actor_type, organization_id, outcome, digest) values ('${id}', '${at}', '${type}', 'system', ${organization}, 'success', 'x')`;
const detail = (details: string) =>
  `insert into audit_detail (event_id, at, details, salt) values ('${EVENT}', '2031-01-20', '${details}', 'x')`;

describe('is found out', () => {
  test.each<[string, string[], RegExp]>([
    [
      'an event with a seal of a chain without a name',
      [
        putIn(EVENT, '2031-01-20', "''"),
        detail('{}'),
        `insert into audit_seal (chain, sequence, sealed_at, event_id, event_at, key_id, seal) values ('', 1, '2031-01-20', '${EVENT}', '2031-01-20', 'x', '\\x00')`,
      ],
      /key x of this seal is not known/,
    ],
    [
      'an event without a seal, of the lowest id and before all time',
      [putIn('00000000-0000-0000-0000-000000000000', '-infinity')],
      /no seal and does not wait/,
    ],
    [
      'an event that has a seal, put into the queue again',
      [
        `insert into audit_unsealed (place, event_id, at) select gen_random_uuid(), event_id, event_at from audit_seal where sequence = 2`,
      ],
      /second seal|twice|more than one seal/,
    ],
    [
      'a place in the queue for an event before all time',
      [`insert into audit_unsealed (place, event_id, at) values ('${EVENT}', '${EVENT}', '-infinity')`],
      /removed before it was sealed/,
    ],
    ...[
      'null',
      '"text"',
      '{"chains":null}',
      '{"chains":{"instance":null}}',
      '{"before":1,"chains":null,"key":"KEY"}',
      '{"before":1,"chains":{"instance":null},"key":"KEY"}',
    ].map((details): [string, string[], RegExp] => [
      `a record of dropped months with the details ${details}`,
      [putIn(EVENT, '2031-01-20', 'null', 'audit.months_dropped'), detail(details)],
      /no seal and does not wait/,
    ]),
  ])('%s', async (_what, statements, problem) => {
    const { id } = await audit.sealingKeys.current();
    for (const statement of statements) await database.sql(statement.replaceAll('KEY', id));
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({
      intact: false,
      problems: expect.arrayContaining([
        expect.objectContaining({ problem: expect.stringMatching(problem) as unknown }),
      ]) as unknown,
    });
  });
});

test('the sealer goes on past an event before all time', async () => {
  await database.sql(putIn(EVENT, '-infinity'));
  await database.sql(
    `insert into audit_unsealed (place, event_id, at) values ('00000000-0000-0000-0000-000000000000', '${EVENT}', '-infinity')`,
  );
  await audit.log.note({ type: anyEvent('act'), ...operator });
  await audit.sealer.seal();
  expect(await database.sql('select count(*)::int as sealed from audit_seal')).toEqual([{ sealed: 4 }]);
});
