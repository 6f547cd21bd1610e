/** The update while nodes of the previous release go on writing: none of their acts fails, and nothing that they write is lost. */
import { expect, test } from 'vitest';
import type { AuditEvent } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent, openAudit, openProvedAudit } from '../support/audit.ts';
import { auditBefore, fillBefore } from '../support/audit-before.ts';
import { openOlderDatabase } from '../support/older-database.ts';

/** More than one batch. */
const OLD_ROWS = 5000;

const signIn = (user: string, organizationId?: string): AuditEvent => ({
  type: anyEvent('user.signed_in'),
  actor: { type: 'user', id: user },
  subject: { type: 'user', id: user },
  visitor: { ip: '203.0.113.24', userAgent: 'A browser', requestId: 'r1' },
  details: { amr: ['pwd'] },
  ...(organizationId === undefined ? {} : { organizationId }),
});

async function withOldRows(work: (database: Database, before: ReturnType<typeof auditBefore>) => Promise<void>) {
  const database = await openOlderDatabase('Migration0025_user_changes');
  try {
    const old = Array.from({ length: OLD_ROWS }, (_, i) =>
      signIn(`usr_${i % 100}`, i % 3 === 0 ? `org_${i % 7}` : undefined),
    );
    await fillBefore(database, old);
    await work(database, auditBefore(database));
  } finally {
    await database.close();
  }
}

test('acts of the previous release succeed during the whole update', { timeout: 120_000 }, () =>
  withOldRows(async (database, before) => {
    let written = 0;
    const progress = { isMigrated: false };
    const act = async () => {
      do {
        // On a server it fails when it waits two seconds for a lock (`lock_timeout`).
        await before.note(signIn('usr_now'));
        written += 1;
      } while (!progress.isMigrated);
    };
    const acts = Promise.all([act(), act()]);
    await database.migrate().finally(() => (progress.isMigrated = true));
    await acts;
    const audit = await openProvedAudit({ clock: systemClock, database });
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, problems: [], unsealed: 0 });
    const [sealed] = await database.sql<{ old: number; moved: number; now: number }>(
      `select count(*) filter (where e.actor_id <> 'usr_now')::int as old, count(*) filter (where e.actor_id <> 'usr_now' and s.sequence <> e.sequence)::int as moved,
         count(*) filter (where e.actor_id = 'usr_now')::int as now from audit_event e join audit_seal s on s.event_id = e.id`,
    );
    expect(sealed).toEqual({ old: OLD_ROWS, moved: 0, now: written });
  }),
);

/** Resolves when a statement of this database waits for a lock of this kind, as `pg_stat_activity` calls it. */
async function waitingFor(database: Database, kind: 'advisory' | 'virtualxid'): Promise<void> {
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event = $1`;
  while ((await database.sql(waiting, [kind])).length === 0);
}

const isOnServer = process.env['TEST_DATABASE_URL'] !== undefined;

test.runIf(isOnServer)('acts succeed while a migration is in the middle of its work', { timeout: 120_000 }, () =>
  withOldRows(async (database, before) => {
    await database.orm.migrator.up({ to: 'Migration0026_audit_seals' });
    const [middle] = await database.sql<{ id: string }>(
      `select id::text from audit_event_before order by id offset ${OLD_ROWS / 2} limit 1`,
    );
    await database.sql(
      `create function hold() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(1); return new; end $$`,
    );
    await database.sql(
      `create trigger hold before insert on audit_event for each row when (new.id = '${middle!.id}') execute function hold()`,
    );
    const [holder, reader] = [await database.pool!.connect(), await database.pool!.connect()];
    await holder.query('select pg_advisory_lock(1)');
    const migrated = database.migrate();
    try {
      // One of the rows is being carried over, in a transaction that has not ended.
      await waitingFor(database, 'advisory');
      await before.note(signIn('usr_now'));
      await openAudit({ clock: systemClock, database }).log.note(signIn('usr_now'));
      await waitingFor(database, 'advisory');
      // The new indexes wait for every transaction that began before them.
      await reader.query('begin isolation level repeatable read; select 1');
      await holder.query('select pg_advisory_unlock(1)');
      await waitingFor(database, 'virtualxid');
      await before.note(signIn('usr_now'));
      await waitingFor(database, 'virtualxid');
    } finally {
      await holder.query('select pg_advisory_unlock_all()');
      await reader.query('commit');
      holder.release();
      reader.release();
      await migrated;
    }
    const audit = await openProvedAudit({ clock: systemClock, database });
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, problems: [], unsealed: 0 });
  }),
);

test('an update that ended half-way goes on where it was', { timeout: 120_000 }, () =>
  withOldRows(async (database, before) => {
    await database.orm.migrator.up({ to: 'Migration0026_audit_seals' });
    await before.note(signIn('usr_7'));
    // A row that cannot be carried over ends the process after the batches before it.
    await database.sql(
      `create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$`,
    );
    const [middle] = await database.sql<{ id: string }>(
      `select id::text from audit_event_before order by id offset ${OLD_ROWS / 2} limit 1`,
    );
    await database.sql(
      `create trigger stop before insert on audit_event for each row when (new.id = '${middle!.id}') execute function stop()`,
    );
    await expect(database.migrate()).rejects.toThrow(/stop/);
    const [half] = await database.sql<{ carried: number }>('select count(*)::int as carried from audit_event');
    expect(half!.carried).toBeGreaterThan(2000);
    expect(half!.carried).toBeLessThan(OLD_ROWS);
    // The node of the previous release erases a user whose events are not all there yet.
    await before.forgetPerson('usr_7');
    await before.note({
      type: anyEvent('user.erased'),
      actor: { type: 'system' },
      subject: { type: 'user', id: 'usr_7' },
    });
    await database.sql('drop trigger stop on audit_event');
    await database.migrate();
    const audit = await openProvedAudit({ clock: systemClock, database });
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, problems: [], unsealed: 0 });
    expect(
      await database.sql(`select count(*)::int as many from audit_record where actor_id = 'usr_7' and ip is not null`),
    ).toEqual([{ many: 0 }]);
    expect(await database.sql(`select to_regclass('audit_event_before') as gone`)).toEqual([{ gone: null }]);
  }),
);

test('an event that is changed while it is carried over counts as a break', { timeout: 120_000 }, () =>
  withOldRows(async (database) => {
    await database.orm.migrator.up({ to: 'Migration0026_audit_seals' });
    await database.sql(
      `create function falsify() returns trigger language plpgsql as $$ begin new.outcome := 'failure'; return new; end $$`,
    );
    await database.sql(
      `create trigger falsify before insert on audit_event for each row when (new.chain = 'org_3' and new.sequence = 9) execute function falsify()`,
    );
    await database.migrate();
    await database.sql('drop trigger falsify on audit_event');
    const audit = await openProvedAudit({ clock: systemClock, database });
    await audit.sealer.seal();
    expect(await audit.verifier.verify()).toMatchObject({
      intact: false,
      problems: [{ chain: 'org_3', sequence: '9' }],
    });
  }),
);
