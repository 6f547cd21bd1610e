/**
 * `npm run bench:events`: events of the audit log per second, with the statement of the release that had one chain head, and while the
 * sealer runs: in the statement of an act with a commit for each event, and noted, where simultaneous events share commits. In turns, on one server, in one run; `fsync` is on unless BENCH_DATABASE_URL says otherwise.
 *
 *   --rounds N     turns of each side (3)
 *   --seconds N    length of one turn (5)
 *   --writers N    events that are written at the same time (32)
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type AuditEvent, type AuditLog, byUser, createAudit, createAuditProofs } from '#audit/module.ts';
import { SECOND, systemClock } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import { type Database, openDatabase } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { newId } from '#kernel/ids.ts';
import { oneStatement } from '#kernel/postgres/one-statement.ts';
import { entities } from '../../src/app/entities.ts';
import { anyEvent } from '../support/audit.ts';
import { RECORD_BEFORE, valuesBefore } from '../support/audit-before.ts';
import { onServer } from '../support/database.ts';
import { startBackends } from './backends.ts';
import { median } from './table.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    writers: { type: 'string', default: '32' },
  },
});
const [rounds, seconds, writers] = [Number(options.rounds), Number(options.seconds), Number(options.writers)];

const BEFORE = 'one chain head';
const ALONE = 'a commit for each event';
const NOTED = 'noted, with shared commits';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const log = createLog({ level: 'silent' });
const keyRing = createKeyRing([randomBytes(32).toString('base64')]);
const signedIn = anyEvent('user.signed_in');

function event(): AuditEvent {
  const id = newId('usr');
  const visitor = { ip: '203.0.113.24', userAgent: 'Mozilla/5.0 (X11; Linux x86_64) bench', requestId: newId('req') };
  return signedIn({
    ...byUser(id, visitor, 'shop'),
    subject: { type: 'user', id },
    details: { level: 1, amr: ['pwd'], signals: [], actions: [] },
  });
}

async function openOn(
  server: string,
  name: string,
  migrate: (database: Database) => Promise<unknown>,
): Promise<Database> {
  await onServer(server, `create database ${name}`);
  const databaseUrl = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  // Two more, for the sealer.
  const config = { databaseUrl, databasePool: writers + 2 };
  const database = await openDatabase({ config, log, entities });
  await migrate(database);
  return database;
}

/** Events per second of all writers together. */
async function turn(write: () => Promise<unknown>): Promise<number> {
  let written = 0;
  const begin = performance.now();
  const end = begin + seconds * SECOND;
  await Promise.all(
    Array.from({ length: writers }, async () => {
      while (performance.now() < end) {
        await write();
        written += 1;
      }
    }),
  );
  return (written / (performance.now() - begin)) * SECOND;
}

async function compare(server: string): Promise<void> {
  const names = ['before', 'after'].map((side) => `bench_events_${side}_${randomBytes(4).toString('hex')}`);
  const before = await openOn(server, names[0]!, (database) =>
    database.orm.migrator.up({ to: 'Migration0025_user_changes' }),
  );
  const after = await openOn(server, names[1]!, (database) => database.migrate());
  const audit = createAudit({ clock: systemClock, database: after, keyRing, log });
  const sides = {
    [BEFORE]: () => before.sql(RECORD_BEFORE, valuesBefore(event())),
    [ALONE]: () => writeAlone(after, audit.log),
    [NOTED]: () => audit.log.note(event()),
  };
  const [{ fsync } = { fsync: '' }] = await after.sql<{ fsync: string }>('show fsync');
  say(`${writers} writers, ${rounds} turns of ${seconds} s each, fsync ${fsync}`);
  const rates = new Map<string, number[]>();
  const backlogs = new Map<string, number[]>();
  audit.sealer.start();
  for (let round = 0; round < rounds; round += 1) {
    const order = Object.entries(sides);
    for (const [side, write] of round % 2 === 0 ? order : order.toReversed()) {
      const rate = await turn(write);
      rates.set(side, [...(rates.get(side) ?? []), rate]);
      const [{ waiting } = { waiting: 0 }] = await after.sql<{ waiting: number }>(
        'select count(*)::int as waiting from audit_unsealed',
      );
      if (side !== BEFORE) backlogs.set(side, [...(backlogs.get(side) ?? []), waiting]);
      say(`  ${side}: ${rate.toFixed(0)} events a second${waiting > 0 ? `, ${waiting} wait for their seal` : ''}`);
      const begin = performance.now();
      await audit.sealer.seal();
      while ((await after.sql('select 1 from audit_unsealed limit 1')).length > 0) await audit.sealer.seal();
      if (waiting > 0) say(`    all sealed ${((performance.now() - begin) / SECOND).toFixed(1)} s later`);
    }
  }
  await audit.sealer.stop();
  const old = median(rates.get(BEFORE) ?? []);
  say(`\n| | events a second | ratio | without a seal after a turn |\n|---|---|---|---|`);
  for (const side of Object.keys(sides)) {
    const rate = median(rates.get(side) ?? []);
    const waiting = side === BEFORE ? '–' : median(backlogs.get(side) ?? []).toFixed(0);
    say(`| ${side} | ${rate.toFixed(0)} | ${(rate / old).toFixed(1)} | ${waiting} |`);
  }
  await verify(audit, after);
  for (const database of [before, after]) await database.close();
  for (const name of names) await onServer(server, `drop database ${name} with (force)`);
}

/** As the statement of an act writes it: prepared, with a commit of its own. */
async function writeAlone(database: Database, audit: AuditLog): Promise<void> {
  const decision = { name: 'decision', values: [], text: () => 'decision as (select 1)' };
  const { text, values } = oneStatement({ conditions: [], decision, others: [audit.part(event())] });
  await database.sql(text, values);
}

/** The results must be right, too. */
async function verify(audit: ReturnType<typeof createAudit>, database: Database): Promise<void> {
  const keys = { findSigningKeys: () => [], findPublicJwk: async () => null };
  const given = { clock: systemClock, database, log, audit: audit.log, sealingKeys: audit.sealingKeys, keys };
  const { verifier } = createAuditProofs({ ...given, issuer: 'http://localhost', file: undefined });
  const begin = performance.now();
  const { intact, events, problems } = await verifier.verify();
  if (!intact) throw new Error(`the audit log is not intact: ${JSON.stringify(problems)}`);
  say(`verified ${events} events in ${((performance.now() - begin) / SECOND).toFixed(1)} s`);
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
chmodSync(folder, 0o711);
const backends = await startBackends(folder);
try {
  await compare(backends.databaseUrl);
} finally {
  await backends.stop();
  rmSync(folder, { recursive: true, force: true });
}
