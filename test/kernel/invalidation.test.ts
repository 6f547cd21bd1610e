import { Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createInvalidation, type Invalidation } from '#kernel/invalidation.ts';
import { openRedis } from '#kernel/redis/port.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { describeInvalidation } from './invalidation.contract.ts';

const databaseUrl = process.env['TEST_DATABASE_URL'];
const redisUrl = process.env['TEST_REDIS_URL'];
const silent = { warn: () => undefined, info: () => undefined };

async function node(urls: { databaseUrl?: string | undefined; redisUrl?: string | undefined }): Promise<Invalidation> {
  const redis = openRedis({ url: urls.redisUrl, log: silent });
  await redis?.connected(2000);
  const pool = new Pool({ connectionString: urls.databaseUrl, max: 1, connectionTimeoutMillis: 500 });
  pool.on('error', () => undefined);
  const sql = async (text: string, values?: readonly unknown[]) =>
    (await pool.query(text, [...(values ?? [])])).rows as never;
  const made = createInvalidation({ redis, database: { sql }, databaseUrl: urls.databaseUrl, log: silent });
  onTestFinished(async () => {
    await made.close();
    redis?.close();
    await pool.end();
  });
  return made;
}

const several = (urls: Parameters<typeof node>[0]) => (count: number) =>
  Promise.all(Array.from({ length: count }, () => node(urls)));

describeInvalidation({ name: 'in one process', runs: true, nodes: async () => [await node({})] });
describeInvalidation({
  name: 'over PostgreSQL (TEST_DATABASE_URL)',
  runs: databaseUrl !== undefined,
  nodes: several({ databaseUrl }),
});
describeInvalidation({
  name: 'over Redis (TEST_REDIS_URL)',
  runs: redisUrl !== undefined,
  nodes: several({ redisUrl }),
});
describeInvalidation({
  name: 'over Redis beside PostgreSQL',
  runs: databaseUrl !== undefined && redisUrl !== undefined,
  nodes: several({ redisUrl, databaseUrl }),
});

async function proxied(text: string, defaultPort: number) {
  const url = new URL(text);
  const proxy = await createTcpProxy({ host: url.hostname, port: Number(url.port || defaultPort) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return { proxy, url: url.href };
}

function record(made: Invalidation, topic: string): string[] {
  const heard: string[] = [];
  made.subscribe(topic, { changed: (key) => void heard.push(key), resync: () => void heard.push('[all]') });
  return heard;
}

const untilHealthy = (made: Invalidation, expected = true) =>
  vi.waitFor(() => expect(made.isHealthy()).toBe(expected), { timeout: 60_000 });

const outages = [
  ['PostgreSQL stopped', databaseUrl, 'stop'],
  ['PostgreSQL frozen', databaseUrl, 'freeze'],
  ['Redis stopped', redisUrl, 'stop'],
  ['Redis frozen', redisUrl, 'freeze'],
] as const;

describe.each(outages)('%s', (name, url, outage) => {
  test.runIf(url)(
    'the node knows within 2 s that it may miss messages, and forgets everything when they return',
    async () => {
      const way = await proxied(url!, 0);
      const [near, far] = await Promise.all(
        name.startsWith('Redis')
          ? [node({ redisUrl: way.url }), node({ redisUrl })]
          : [node({ databaseUrl: way.url }), node({ databaseUrl })],
      );
      await untilHealthy(near);
      await untilHealthy(far);
      const heard = record(near, 'outage');
      await way.proxy[outage]();
      const start = performance.now();
      await untilHealthy(near, false);
      expect(performance.now() - start).toBeLessThan(2000);
      await far.publish('outage', 'missed');
      await (outage === 'stop' ? way.proxy.start() : way.proxy.thaw());
      await untilHealthy(near);
      expect(heard).toContain('[all]');
      await far.publish('outage', 'after');
      await vi.waitFor(() => expect(heard.at(-1)).toBe('after'), { timeout: 60_000 });
    },
  );
});

describe.runIf(databaseUrl && redisUrl)('a node without Redis', () => {
  test('notifies the others over PostgreSQL', async () => {
    const way = await proxied(redisUrl!, 6379);
    const [near, far] = await Promise.all([node({ redisUrl: way.url, databaseUrl }), node({ redisUrl, databaseUrl })]);
    await untilHealthy(near);
    await untilHealthy(far);
    const heard = record(far, 'detour');
    await way.proxy.stop();
    await near.publish('detour', 'a');
    await vi.waitFor(() => expect(heard).toEqual(['a']), { timeout: 60_000 });
  });
});

describe.runIf(redisUrl)('text that no node sent', () => {
  test.each(['', 'not json', '{}', 'null'])('%j makes every node forget everything and stops none', async (text) => {
    const near = await node({ redisUrl });
    await untilHealthy(near);
    const heard = record(near, 'any');
    const redis = openRedis({ url: redisUrl, log: silent })!;
    onTestFinished(() => redis.close());
    await redis.connected(2000);
    await redis.publish('latchkey_invalidation', text);
    await vi.waitFor(() => expect(heard).toEqual(['[all]']), { timeout: 60_000 });
    await near.publish('any', 'next');
    expect(heard).toEqual(['[all]', 'next']);
  });
});

describe.runIf(redisUrl)('a node without any channel', () => {
  test.each([
    [3, ['0', '1', '2']],
    [1001, ['[all]']],
  ])('notifies the others of %d changes when a channel returns', async (count, expected) => {
    const way = await proxied(redisUrl!, 6379);
    const [near, far] = await Promise.all([node({ redisUrl: way.url }), node({ redisUrl })]);
    await untilHealthy(near);
    await untilHealthy(far);
    const heard = record(far, 'late');
    await way.proxy.stop();
    await untilHealthy(near, false);
    for (let i = 0; i < count; i += 1) await near.publish('late', String(i));
    await way.proxy.start();
    await vi.waitFor(() => expect(heard).toEqual(expected), { timeout: 60_000 });
  });
});
