/** A database alone cannot prove that its newest rows are complete. A checkpoint outside it can. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompactSign, decodeJwt, generateKeyPair } from 'jose';
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
  await write(6);
});
afterEach(() => database.close());

async function write(count: number, organizationId?: string): Promise<void> {
  for (let i = 0; i < count; i += 1)
    await audit.log.note({ type: anyEvent('act'), ...by, ...(organizationId === undefined ? {} : { organizationId }) });
  await audit.sealer.seal();
}

async function cutFrom(sequence: number, chain = 'instance'): Promise<void> {
  const cut = `(select event_id from audit_seal where sequence >= ${sequence} and chain = '${chain}')`;
  await database.sql(`delete from audit_detail where event_id in ${cut}`);
  await database.sql(`delete from audit_event where id in ${cut}`);
  await database.sql(`delete from audit_seal where sequence >= ${sequence} and chain = '${chain}'`);
}

describe('a checkpoint', () => {
  test('names the last seal of each chain, and matches the log also after later events', async () => {
    await write(2, 'org_1');
    const { checkpoint, chains } = await audit.checkpoints.make();
    expect(Object.entries(chains).map(([chain, { sequence }]) => [chain, sequence])).toEqual([
      ['instance', '6'],
      ['org_1', '2'],
    ]);
    expect(decodeJwt(checkpoint)).toMatchObject({ iss: 'https://id.example.com', chains });
    await write(3);
    expect(await audit.verifier.verify({ checkpoints: `${checkpoint}\n` })).toMatchObject({
      intact: true,
      checkpoints: 1,
    });
  });

  test('is given with its age, and with the number of events that it does not cover', async () => {
    const { checkpoint: first } = await audit.checkpoints.make();
    await write(2);
    const { checkpoint: second } = await audit.checkpoints.make();
    await write(3);
    await write(4, 'org_9');
    const inAnHour = { now: () => new Date(Date.now() + 3_600_000) };
    const later = await openProvedAudit({ clock: inAnHour, database, key: audit.key });
    const report = await later.verifier.verify({ checkpoints: `${second}\n${first}` });
    expect(report).toMatchObject({ intact: true, checkpoints: 2, events_after_checkpoint: 7 });
    expect(report.checkpoint_age_seconds).toBeGreaterThanOrEqual(3600);
    expect(report.checkpoint_age_seconds).toBeLessThan(3660);
  });

  test('detects that the newest events and their seals were removed', async () => {
    const { checkpoint } = await audit.checkpoints.make();
    await cutFrom(5);
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 4 });
    expect(await audit.verifier.verify({ checkpoints: checkpoint })).toMatchObject({
      intact: false,
      problems: [
        { chain: 'instance', sequence: '6', problem: expect.stringMatching(/The record ends at 4/) as unknown },
      ],
    });
  });

  test('detects that other events replaced them', async () => {
    const { checkpoint } = await audit.checkpoints.make();
    await cutFrom(5);
    await write(5);
    expect(await audit.verifier.verify()).toMatchObject({ intact: true, events: 9 });
    expect(await audit.verifier.verify({ checkpoints: checkpoint })).toMatchObject({
      intact: false,
      problems: [{ chain: 'instance', sequence: '6', problem: expect.stringMatching(/written again/) as unknown }],
    });
  });

  test.each([['instance'], ['org_1']])('finds out that the whole chain %s was removed', async (chain) => {
    await write(2, 'org_1');
    const { checkpoint } = await audit.checkpoints.make();
    await cutFrom(1, chain);
    expect(await audit.verifier.verify()).toMatchObject({ intact: true });
    expect(await audit.verifier.verify({ checkpoints: checkpoint })).toMatchObject({
      intact: false,
      problems: [{ chain, sequence: null, problem: expect.stringMatching(/whole chain is missing/) as unknown }],
    });
  });

  test('is one of many in a file, and each must match', async () => {
    const first = await audit.checkpoints.make();
    await write(2);
    const second = await audit.checkpoints.make();
    await cutFrom(7);
    const checkpoints = [first.checkpoint, '', second.checkpoint].join('\n');
    expect(await audit.verifier.verify({ checkpoints })).toMatchObject({
      intact: false,
      checkpoints: 2,
      problems: [{ sequence: '8' }],
    });
  });

  test('is written to the file and to the log, and can be read from both', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-'));
    const file = join(folder, 'checkpoints');
    const lines: object[] = [];
    audit = await openProvedAudit({ clock: systemClock, database, file, onInfo: (fields) => void lines.push(fields) });
    await write(1);
    await audit.checkpoints.publish();
    await audit.checkpoints.publish();
    const text = await readFile(file, 'utf8');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await rm(folder, { recursive: true });
    expect(text.trim().split('\n')).toHaveLength(2);
    const logged = lines.map((line) => JSON.stringify({ level: 'info', ...line })).join('\n');
    for (const checkpoints of [text, logged]) {
      expect(await audit.verifier.verify({ checkpoints })).toMatchObject({ intact: true, checkpoints: 2 });
    }
    await cutFrom(7);
    for (const checkpoints of [text, logged]) {
      expect(await audit.verifier.verify({ checkpoints })).toMatchObject({ intact: false });
    }
  });
});

describe('a checkpoint is refused', () => {
  const refused = (reason: RegExp) => ({
    code: 'audit.checkpoint_refused',
    message: expect.stringMatching(reason) as unknown,
  });

  test('from another installation with the same key', async () => {
    const other = await openProvedAudit({
      clock: systemClock,
      database,
      issuer: 'https://other.example.com',
      key: audit.key,
    });
    const { checkpoint } = await other.checkpoints.make();
    await expect(audit.verifier.verify({ checkpoints: checkpoint })).rejects.toMatchObject(
      refused(/line 1 .* another installation, https:\/\/other\.example\.com/),
    );
  });

  test('from another installation with the same issuer', async () => {
    const other = await openProvedAudit({ clock: systemClock, database });
    const { checkpoint } = await other.checkpoints.make();
    await expect(audit.verifier.verify({ checkpoints: checkpoint })).rejects.toMatchObject(
      refused(/has not signed it/),
    );
  });

  test('with the signature of a foreign key under our key id', async () => {
    const { checkpoint } = await audit.checkpoints.make();
    const { privateKey } = await generateKeyPair('ES256');
    const header = JSON.parse(Buffer.from(checkpoint.split('.')[0] ?? '', 'base64url').toString()) as { alg: string };
    const forged = await new CompactSign(Buffer.from(JSON.stringify(decodeJwt(checkpoint))))
      .setProtectedHeader(header)
      .sign(privateKey);
    await expect(audit.verifier.verify({ checkpoints: forged })).rejects.toMatchObject(refused(/has not signed it/));
  });

  test.each([
    ['its payload is changed', (jws: string) => jws.replace(/\.\w{4}/, '.AAAA'), /has not signed it/],
    ['it has no signature', (jws: string) => jws.replace(/[^.]+$/, ''), /no signed checkpoint/],
    ['it is not signed at all', () => 'eyJhbGciOiJub25lIn0.e30.e30', /has not signed it/],
    ['it is no checkpoint', () => 'hello', /no signed checkpoint/],
    [
      'it is a line of the log about something else',
      () => '{"level":"info","msg":"listening"}',
      /no signed checkpoint/,
    ],
  ])('when %s', async (_what, change, reason) => {
    const { checkpoint } = await audit.checkpoints.make();
    await expect(audit.verifier.verify({ checkpoints: change(checkpoint) })).rejects.toMatchObject(refused(reason));
  });
});
