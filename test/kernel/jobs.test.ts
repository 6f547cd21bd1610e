import { randomUUID } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import { Client } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { SECOND, systemClock } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import { openDatabase } from '#kernel/database.ts';
import { createJobs } from '#kernel/jobs.ts';
import { createLog } from '#kernel/log.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { definition, describeJobs } from './jobs.contract.ts';

const server = process.env['TEST_DATABASE_URL'];
const log = createLog({ level: 'silent' });
const keyRing = createKeyRing(['a secret of the tests, long enough']);

async function createDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `jobs_${randomUUID().replaceAll('-', '')}`;
  const run = async (statement: string) => {
    const client = new Client({ connectionString: server });
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  await run(`create database ${name}`);
  return {
    url: Object.assign(new URL(server!), { pathname: `/${name}` }).href,
    drop: () => run(`drop database ${name} with (force)`),
  };
}

describeJobs({
  name: 'on the embedded database',
  runs: true,
  open: async () => {
    const pglite = await PGlite.create();
    const database = await openDatabase({
      config: { databaseUrl: undefined, databasePool: 1 },
      log,
      entities: [],
      pglite,
    });
    return {
      database: { ...database, close: () => database.close().then(() => pglite.close()) },
      databaseUrl: undefined,
    };
  },
});

describeJobs({
  name: 'on PostgreSQL (TEST_DATABASE_URL)',
  runs: server !== undefined,
  open: async () => {
    const { url, drop } = await createDatabase();
    const database = await openDatabase({
      config: { databaseUrl: url, databasePool: 4 },
      log,
      entities: [],
    });
    return { database: { ...database, close: () => database.close().then(drop) }, databaseUrl: url };
  },
});

describe.runIf(server)('several nodes on PostgreSQL', () => {
  const node = (databaseUrl: string) => {
    const jobs = createJobs({ database: { pglite: null }, config: { databaseUrl }, keyRing, clock: systemClock, log });
    onTestFinished(() => jobs.stop(SECOND));
    return jobs;
  };

  test('that start at once on an empty database all become ready, and each job runs once', async () => {
    const { url, drop } = await createDatabase();
    onTestFinished(drop);
    const ran: unknown[] = [];
    const nodes = Array.from({ length: 6 }, () => node(url));
    for (const jobs of nodes)
      jobs.define(
        'shared',
        definition(async ({ data }) => void ran.push(data['n']), { concurrency: 2 }),
      );
    await Promise.all(nodes.map((jobs) => jobs.open()));
    await Promise.all(nodes.map((jobs) => jobs.start()));
    await Promise.all(Array.from({ length: 60 }, (_, n) => nodes[n % 6]!.send('shared', { n })));
    await vi.waitFor(() => expect(ran).toHaveLength(60), { timeout: 60_000 });
    expect(new Set(ran).size).toBe(60);
  });

  test('run another node’s jobs within 3 s', async () => {
    const { url, drop } = await createDatabase();
    onTestFinished(drop);
    const ran: unknown[] = [];
    const [sender, worker] = [node(url), node(url)];
    sender.define(
      'apart',
      definition(async () => undefined),
    );
    worker.define(
      'apart',
      definition(async ({ data }) => void ran.push(data['n'])),
    );
    await sender.open();
    await worker.open();
    await worker.start();
    await sender.send('apart', { n: 1 });
    await vi.waitFor(() => expect(ran).toEqual([1]), { timeout: 60_000 });
  });

  test.each(['stop', 'freeze'] as const)(
    'a database that goes down (%s) stops no node: work continues when it is back',
    async (outage) => {
      const { url, drop } = await createDatabase();
      onTestFinished(drop);
      const address = new URL(url);
      const proxy = await createTcpProxy({ host: address.hostname, port: Number(address.port || 5432) });
      address.hostname = '127.0.0.1';
      address.port = String(proxy.port);
      const ran: unknown[] = [];
      const jobs = node(address.href);
      jobs.define(
        'outage',
        definition(async ({ data }) => void ran.push(data['n'])),
      );
      await jobs.open();
      await jobs.start();
      await jobs.send('outage', { n: 1 });
      await vi.waitFor(() => expect(ran).toEqual([1]), { timeout: 60_000 });
      await proxy[outage]();
      if (outage === 'stop') await expect(jobs.send('outage', { n: 2 })).rejects.toThrow(/ECONN|terminated|timeout/);
      await new Promise((resolve) => setTimeout(resolve, 3000));
      await (outage === 'stop' ? proxy.start() : proxy.thaw());
      await jobs.send('outage', { n: 3 });
      await vi.waitFor(() => expect(ran).toEqual([1, 3]), { timeout: 60_000 });
    },
  );
});
