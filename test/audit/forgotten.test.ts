import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent, openProvedAudit } from '../support/audit.ts';
import { openTestDatabase } from '../support/database.ts';

let database: Database;
let audit: Awaited<ReturnType<typeof openProvedAudit>>;

const visitor = { ip: '203.0.113.24', userAgent: 'A very own browser', requestId: 'r1' };
const alice = { type: 'user' as const, id: 'usr_alice' };
const bob = { type: 'user' as const, id: 'usr_bob' };

beforeEach(async () => {
  database = await openTestDatabase();
  audit = await openProvedAudit({ clock: systemClock, database });
  const { log } = audit;
  await log.note({ type: anyEvent('user.signed_in'), actor: alice, subject: alice, visitor, details: { level: 1 } });
  await log.note({
    type: anyEvent('user.email_changed'),
    actor: alice,
    subject: alice,
    visitor,
    details: { after: 'a@b.example' },
  });
  await log.note({
    type: anyEvent('user.disabled'),
    actor: alice,
    subject: bob,
    visitor,
    details: { reason: 'told me' },
  });
  await log.note({ type: anyEvent('user.signed_in'), actor: bob, subject: bob, visitor, details: { level: 2 } });
  await audit.sealer.seal();
});
afterEach(() => database.close());

async function forget() {
  await database.transaction(async (em) => {
    await audit.log.forgetPerson(em, alice.id);
    await audit.log.record(em, { type: anyEvent('user.erased'), actor: { type: 'system' }, subject: alice });
  });
  await audit.sealer.seal();
}

const detail = (sequence: number) =>
  `where event_id = (select event_id from audit_seal where chain = 'instance' and sequence = ${sequence})`;
const EMPTY = `update audit_detail set ip = null, user_agent = null, request_id = null, details = '{}', salt = null`;

describe('erasure of a user', () => {
  test('keeps events and ids, no personal data, and a valid chain', async () => {
    await forget();
    const rows = await database.sql(
      `select e.type, e.subject_id, d.ip, d.user_agent, d.request_id, d.details::text as details, d.salt from audit_event e
       join audit_detail d on d.event_id = e.id join audit_seal s on s.event_id = e.id where e.type <> 'user.erased' order by s.sequence`,
    );
    const gone = { ip: null, user_agent: null, request_id: null, details: '{}', salt: null };
    expect(rows.slice(0, 3)).toEqual([
      { type: 'user.signed_in', subject_id: alice.id, ...gone },
      { type: 'user.email_changed', subject_id: alice.id, ...gone },
      { type: 'user.disabled', subject_id: bob.id, ...gone },
    ]);
    expect(rows[3]).toMatchObject({ subject_id: bob.id, ip: visitor.ip, user_agent: visitor.userAgent });
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 5 });
  });

  test.each([
    ['bob’s events are emptied too', `${EMPTY} ${detail(4)}`, '4', /emptied, and no record says/],
    [
      'something is written where she was forgotten',
      `update audit_detail set ip = '192.0.2.1' ${detail(1)}`,
      '1',
      /details of the event were changed/,
    ],
    [
      'details are written where she was forgotten',
      `update audit_detail set details = '{"after":"x@y.example"}' ${detail(2)}`,
      '2',
      /details of the event were changed/,
    ],
    [
      'the digest is changed',
      `update audit_event set digest = repeat('0', 64) where id = (select event_id from audit_seal where sequence = 1)`,
      '1',
      /does not fit/,
    ],
    ['a salt is made up', `update audit_detail set salt = 'x' ${detail(1)}`, '1', /details of the event were changed/],
    ['the details are removed', `delete from audit_detail ${detail(2)}`, '2', /details of the event were removed/],
  ])('is found out when %s', async (_what, tamper, sequence, problem) => {
    await forget();
    await database.sql(tamper);
    expect(await audit.verifier.verify()).toMatchObject({
      intact: false,
      problems: [{ chain: 'instance', sequence, problem: expect.stringMatching(problem) }],
    });
  });

  test('counts as tampering if no user was erased', async () => {
    await database.transaction((em) => audit.log.forgetPerson(em, alice.id));
    expect(await audit.verifier.verify()).toMatchObject({
      intact: false,
      problems: [{ sequence: '1', problem: expect.stringMatching(/no record says that its user was erased/) }],
    });
  });

  test('also works before the events have their seals', async () => {
    await audit.log.note({
      type: anyEvent('user.signed_in'),
      actor: alice,
      subject: alice,
      visitor,
      details: { level: 1 },
    });
    await forget();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 6, unsealed: 0 });
  });
});
