/** The update from the release that chained events by hashes: what it left, and what its nodes write meanwhile. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent, openProvedAudit } from '../support/audit.ts';
import { auditBefore, fillBefore } from '../support/audit-before.ts';
import { openOlderDatabase } from '../support/older-database.ts';

let database: Database;
let before: ReturnType<typeof auditBefore>;

const alice = { type: 'user' as const, id: 'usr_alice' };
const visitor = { ip: '203.0.113.24', userAgent: 'A very own browser', requestId: 'r1' };
const signIn = (level: number): AuditEvent => ({
  type: anyEvent('user.signed_in'),
  actor: alice,
  subject: alice,
  visitor,
  details: { level, b: 'Zoë " \\ \n', a: { y: 1, x: [level, null] } },
});

beforeEach(async () => {
  database = await openOlderDatabase('Migration0025_user_changes');
  before = auditBefore(database);
  for (let i = 0; i < 5; i += 1) await before.note(signIn(i));
  await before.note({ ...signIn(6), organizationId: 'org_1' });
});
afterEach(() => database.close());

async function update() {
  await database.migrate();
  return openProvedAudit({ clock: systemClock, database });
}

/** From before there were digests and salts. */
async function addOldest(): Promise<void> {
  const at = '2026-01-01T00:00:00.000Z';
  const id = '01890000-0000-7000-8000-000000000001';
  const told = [
    at,
    'user.signed_in',
    'user',
    alice.id,
    'user',
    alice.id,
    null,
    null,
    '192.0.2.1',
    'old',
    'r0',
    'success',
  ];
  const text = JSON.stringify([id, 'old', '1', ...told, { level: 1 }]);
  const hash = createHash('sha256').update(Buffer.alloc(32)).update(text).digest();
  await database.sql(`insert into audit_chain (chain, sequence, hash) values ('old', 1, $1)`, [hash]);
  await database.sql(
    `insert into audit_event (id, chain, sequence, at, type, actor_type, actor_id, subject_type, subject_id, ip, user_agent, request_id, outcome, details, hash)
     values ($1, 'old', 1, $2, 'user.signed_in', 'user', $3, 'user', $3, '192.0.2.1', 'old', 'r0', 'success', '{"level":1}', $4)`,
    [id, at, alice.id, hash],
  );
}

describe('the audit log of the previous release', () => {
  test('is migrated with its numbers, and an event says so', async () => {
    const heads = await database.sql<{ chain: string; hash: string }>(
      `select chain, encode(hash, 'hex') as hash from audit_chain order by chain`,
    );
    const old = await database.sql('select id, at, ip, user_agent, request_id, details from audit_event order by id');
    const audit = await update();
    expect(
      await database.sql(
        'select id, at, ip, user_agent, request_id, details from audit_record where type <> $1 order by id',
        ['audit.chain_migrated'],
      ),
    ).toEqual(old);
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 0, unsealed: 8 });
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 8, chains: 2, unsealed: 0 });
    expect(
      await database.sql(
        `select e.chain, e.sequence = s.sequence as is_same, count(*)::int as many from audit_event e join audit_seal s on s.event_id = e.id
         where e.hash is not null group by 1, 2 order by 1`,
      ),
    ).toEqual([
      { chain: 'instance', is_same: true, many: 5 },
      { chain: 'org_1', is_same: true, many: 1 },
    ]);
    expect(
      await database.sql(
        `select outcome, organization_id, details from audit_record where type = 'audit.chain_migrated' order by 2 desc`,
      ),
    ).toEqual([
      { outcome: 'success', organization_id: null, details: { events: 5, hash: heads[0]!.hash, brokenAt: null } },
      { outcome: 'success', organization_id: 'org_1', details: { events: 1, hash: heads[1]!.hash, brokenAt: null } },
    ]);
  });

  test('verifies in the order of its numbers, over more than one batch', async () => {
    await database.sql(`delete from audit_event`);
    await database.sql(`delete from audit_chain`);
    await fillBefore(
      database,
      Array.from({ length: 2100 }, (_, i) => signIn(i)),
    );
    const audit = await update();
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 2101, problems: [] });
  });

  test('verifies also with an erased user, and with rows older than digests', async () => {
    await addOldest();
    await before.forgetPerson(alice.id);
    await before.note({ type: anyEvent('user.erased'), actor: { type: 'system' }, subject: alice });
    const audit = await update();
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 11, chains: 3 });
    expect(
      await database.sql(
        `select count(*)::int as many from audit_record where ip is not null and organization_id is distinct from 'old'`,
      ),
    ).toEqual([{ many: 0 }]);
  });

  /** By chain: a change, and the number at which verification finds it. */
  const tampered: readonly (readonly [string, string, string])[] = [
    ['changed', `update audit_event set outcome = 'failure' where chain = $1 and sequence = 3`, '3'],
    ['changed in its details', `update audit_event set details = '{}' where chain = $1 and sequence = 2`, '2'],
    [
      'emptied',
      `update audit_event set salt = null, ip = null, user_agent = null, details = '{}' where chain = $1 and sequence = 4`,
      '4',
    ],
    ['removed', `delete from audit_event where chain = $1 and sequence = 3`, '4'],
    ['removed at the end', `delete from audit_event where chain = $1 and sequence = 5`, '5'],
  ];

  test('does not keep from updating when events were tampered with, and verification goes on saying it', async () => {
    for (const [chain, tampering] of tampered) {
      for (let i = 0; i < 5; i += 1) await before.note({ ...signIn(i), organizationId: chain });
      await database.sql(tampering, [chain]);
    }
    const audit = await update();
    const problems = async () => {
      await audit.sealer.seal();
      const verified = await audit.verifier.verify();
      return verified.intact ? [] : verified.problems.toSorted((one, other) => (one.chain < other.chain ? -1 : 1));
    };
    const expected = tampered.map(([chain, , sequence]) => ({
      chain,
      sequence,
      problem: expect.stringMatching(/broken here already/) as string,
    }));
    expect(await problems()).toMatchObject(expected);
    await audit.log.note({ type: anyEvent('later'), actor: { type: 'system' } });
    for (const [chain] of tampered)
      await audit.log.note({ type: anyEvent('later'), actor: { type: 'system' }, organizationId: chain });
    expect(await problems()).toMatchObject(expected);
  });

  test('may cover many months', async () => {
    await database.sql(`delete from audit_event`);
    await database.sql(`delete from audit_chain`);
    await addOldest();
    const audit = await update();
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 2 });
    expect(await database.sql('select id from audit_event_2026_01')).toHaveLength(1);
    expect(await database.sql('select event_id from audit_detail_2026_01')).toHaveLength(1);
  });
});

describe('nodes of the previous release that still run', () => {
  test('write, erase and read as before, and the audit log verifies', async () => {
    const audit = await update();
    for (let i = 0; i < 3; i += 1) await Promise.all([before.note(signIn(10 + i)), audit.log.note(signIn(20 + i))]);
    await audit.sealer.seal();
    await before.note(signIn(30));
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 15, unsealed: 0 });
    const levels = await database.sql<{ level: number }>(
      `select (details->>'level')::int as level from audit_record where ip = $1 order by 1`,
      [visitor.ip],
    );
    expect(levels.map(({ level }) => level)).toEqual([0, 1, 2, 3, 4, 6, 10, 11, 12, 20, 21, 22, 30]);
    // Their personal data are only in the table that erasure covers.
    expect(await database.sql('select 1 from audit_event where ip is not null or salt is not null')).toEqual([]);
    for (const row of await before.listOfUser(alice.id)) expect(row['details']).toEqual({});
    await before.forgetPerson(alice.id);
    await before.note({ type: anyEvent('user.erased'), actor: { type: 'system' }, subject: alice });
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 16 });
    expect(await database.sql('select 1 from audit_detail where ip is not null')).toEqual([]);
  });
});
