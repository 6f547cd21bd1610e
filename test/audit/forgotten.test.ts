import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuditLog, createAudit } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent } from '../support/audit.ts';
import { openTestDatabase } from '../support/database.ts';

let database: Database;
let audit: AuditLog;

const visitor = { ip: '203.0.113.24', userAgent: 'A very own browser', requestId: 'r1' };
const alice = { type: 'user' as const, id: 'usr_alice' };
const bob = { type: 'user' as const, id: 'usr_bob' };

beforeEach(async () => {
  database = await openTestDatabase();
  audit = createAudit({ clock: systemClock, database }).log;
  await audit.note(anyEvent('user.signed_in')({ actor: alice, subject: alice, visitor, details: { level: 1 } }));
  await audit.note(
    anyEvent('user.email_changed')({ actor: alice, subject: alice, visitor, details: { after: 'a@b.example' } }),
  );
  await audit.note(anyEvent('user.disabled')({ actor: alice, subject: bob, visitor, details: { reason: 'told me' } }));
  await audit.note(anyEvent('user.signed_in')({ actor: bob, subject: bob, visitor, details: { level: 2 } }));
});
afterEach(() => database.close());

const forget = () =>
  database.transaction(async (em) => {
    await audit.forgetPerson(em, alice.id);
    await audit.record(em, anyEvent('user.erased')({ actor: { type: 'system' }, subject: alice, details: {} }));
  });

describe('erasure of a user', () => {
  test('keeps events and ids, no personal data, and a valid chain', async () => {
    await forget();
    const rows = await database.sql(
      `select type, subject_id, ip, user_agent, details::text as details, salt from audit_event where type <> 'user.erased' order by sequence`,
    );
    const gone = { ip: null, user_agent: null, details: '{}', salt: null };
    expect(rows.slice(0, 3)).toEqual([
      { type: 'user.signed_in', subject_id: alice.id, ...gone },
      { type: 'user.email_changed', subject_id: alice.id, ...gone },
      { type: 'user.disabled', subject_id: bob.id, ...gone },
    ]);
    expect(rows[3]).toMatchObject({ subject_id: bob.id, ip: visitor.ip, user_agent: visitor.userAgent });
    expect(await audit.verify()).toEqual({ intact: true, events: 5 });
  });

  test.each([
    [
      'bob’s events are emptied too',
      `update audit_event set ip = null, user_agent = null, details = '{}', salt = null where sequence = 4`,
      '4',
    ],
    ['something is written where she was forgotten', `update audit_event set ip = '192.0.2.1' where sequence = 1`, '1'],
    [
      'details are written where she was forgotten',
      `update audit_event set details = '{"after":"x@y.example"}' where sequence = 2`,
      '2',
    ],
    ['the digest is changed', `update audit_event set digest = repeat('0', 64) where sequence = 1`, '1'],
    ['the digest is taken away', `update audit_event set digest = null where sequence = 3`, '3'],
    ['a salt is made up', `update audit_event set salt = 'x' where sequence = 1`, '1'],
  ])('is detected when %s', async (_what, tamper, sequence) => {
    await forget();
    await database.sql(tamper);
    expect(await audit.verify()).toEqual({ intact: false, sequence });
  });

  test('counts as tampering if no user was erased', async () => {
    await database.transaction((em) => audit.forgetPerson(em, alice.id));
    expect(await audit.verify()).toEqual({ intact: false, sequence: '1' });
  });

  test('does not change events from before the digests, and their chain verifies', async () => {
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
      { level: 1 },
    ];
    const text = `[${JSON.stringify(id)},"old","1",${JSON.stringify(told).slice(1)}`;
    const hash = createHash('sha256').update(Buffer.alloc(32)).update(text).digest();
    await database.sql(`insert into audit_chain (chain, sequence, hash) values ('old', 1, $1)`, [hash]);
    await database.sql(
      `insert into audit_event (id, chain, sequence, at, type, actor_type, actor_id, subject_type, subject_id, ip, user_agent, request_id, outcome, details, hash)
       values ($1, 'old', 1, $2, 'user.signed_in', 'user', $3, 'user', $3, '192.0.2.1', 'old', 'r0', 'success', '{"level":1}', $4)`,
      [id, at, alice.id, hash],
    );
    expect(await audit.verify('old')).toEqual({ intact: true, events: 1 });
    await forget();
    expect(await audit.verify('old')).toEqual({ intact: true, events: 1 });
    await database.sql(`update audit_event set ip = null where id = $1`, [id]);
    expect(await audit.verify('old')).toEqual({ intact: false, sequence: '1' });
  });
});
