/** Events that share a statement: none is lost, none is written twice, and one that cannot be written takes no other with it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent, openProvedAudit } from '../../support/audit.ts';
import { openTestDatabase } from '../../support/database.ts';

type Statement = { text: string; run: () => Promise<unknown[]> };

let database: Database;
/** Carries a statement of the audit log to the database, or loses it. */
let link: (statement: Statement) => Promise<unknown[]>;
let statements: string[];
let audit: Awaited<ReturnType<typeof openProvedAudit>>;

beforeEach(async () => {
  database = await openTestDatabase();
  link = ({ run }) => run();
  statements = [];
  const linked: Database = {
    ...database,
    sql: (text, values) => {
      if (text.includes('insert into audit_event')) statements.push(text);
      return link({ text, run: () => database.sql(text, values) }) as never;
    },
  };
  audit = await openProvedAudit({ clock: systemClock, database: linked });
});
afterEach(() => database.close());

const event = (name: string, details: object = {}): AuditEvent => ({
  type: anyEvent(name),
  actor: { type: 'system' },
  details: { ...details },
});
const note = (name: string, details?: object) => audit.log.note(event(name, details));
const names = (count: number) => Array.from({ length: count }, (_, i) => `act.${i}`);
const isGathered = (text: string) => text.includes('jsonb_to_recordset');

async function written(): Promise<string[]> {
  await audit.sealer.seal();
  expect(await audit.verifier.verify()).toMatchObject({ intact: true, problems: [], unsealed: 0 });
  const rows = await database.sql<{ type: string }>(
    'select e.type from audit_event e join audit_detail d on d.event_id = e.id join audit_seal s on s.event_id = e.id order by s.sequence',
  );
  return rows.map(({ type }) => type);
}

test('simultaneous events share statements, and are sealed in the order in which they were given', async () => {
  await Promise.all(names(250).map((name) => note(name)));
  expect(statements.length).toBeLessThan(10);
  expect(await written()).toEqual(names(250));
});

test('an event is written at once when no other one is being written', async () => {
  await note('alone');
  expect(statements.map(isGathered)).toEqual([false]);
  expect(await written()).toEqual(['alone']);
});

test('events beyond the limit of the queue are written too', async () => {
  await Promise.all(names(1300).map((name) => note(name)));
  expect((await written()).toSorted()).toEqual(names(1300).toSorted());
});

const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;
const refused: [string, object, RegExp][] = [
  ['that the database refuses', { text: 'a\u0000b' }, /u0000|unsupported Unicode/i],
  ['that is no JSON', cyclic, /circular/i],
];
test.each(refused)('an event %s fails alone', async (_what, details, message) => {
  const all = names(40).map((name, i) => note(name, i === 20 ? details : {}));
  const results = await Promise.allSettled(all);
  expect(results.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([20]);
  await expect(all[20]).rejects.toThrow(message);
  expect((await written()).toSorted()).toEqual(
    names(40)
      .filter((_, i) => i !== 20)
      .toSorted(),
  );
});

describe('a connection that is lost', () => {
  const lost = () => new Error('Connection terminated unexpectedly');

  test.each([
    ['before the commit', async () => Promise.reject(lost())],
    [
      'after the commit',
      async ({ run }: Statement) => {
        await run();
        throw lost();
      },
    ],
  ])('%s: every event is written once', async (_when, lose) => {
    link = (statement) => (isGathered(statement.text) ? lose(statement) : statement.run());
    await Promise.all(names(40).map((name) => note(name)));
    expect((await written()).toSorted()).toEqual(names(40).toSorted());
  });

  test('for good: every caller learns it, and the next event is written when the database is there again', async () => {
    link = async () => Promise.reject(lost());
    const results = await Promise.allSettled(names(40).map((name) => note(name)));
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    link = ({ run }) => run();
    await note('after');
    expect(await written()).toEqual(['after']);
  });

  test.runIf(process.env['TEST_DATABASE_URL'])('by the server, in the middle of a statement', async () => {
    let isEnded = false;
    link = async ({ text, run }) => {
      if (!isGathered(text) || isEnded) return run();
      isEnded = true;
      const holder = await database.pool!.connect();
      await holder.query('begin; lock table audit_detail in share row exclusive mode');
      const running = Promise.allSettled([run()]);
      const end = `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%jsonb_to_recordset%'`;
      // A transaction sees the activity of its first look only, so another connection looks.
      while ((await database.sql(end)).length === 0);
      const [outcome] = await running;
      await holder.query('commit');
      holder.release();
      if (outcome.status === 'rejected') throw outcome.reason;
      throw new Error('the statement did not wait for the lock');
    };
    await Promise.all(names(40).map((name) => note(name)));
    expect(isEnded).toBe(true);
    expect((await written()).toSorted()).toEqual(names(40).toSorted());
  });
});

test('a process that stops waits for events that are being written or wait', async () => {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  link = ({ run }) => gate.then(run);
  const settled: string[] = [];
  const all = names(40).map((name) => note(name).then(() => settled.push(name)));
  const stopped = audit.log.stop().then(() => settled.length);
  open();
  expect(await stopped).toBe(40);
  await Promise.all(all);
  expect((await written()).toSorted()).toEqual(names(40).toSorted());
});
