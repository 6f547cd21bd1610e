import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { KEY_PREFIX, openRedis, type RedisPort } from '#kernel/redis/port.ts';
import { createThrottle } from '#kernel/throttle.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { countAllowed, describeThrottle, policyOf } from './throttle.contract.ts';

const redisUrl = process.env['TEST_REDIS_URL'];
const clusterUrl = process.env['TEST_REDIS_CLUSTER_URL'];

async function connected(url: string): Promise<RedisPort> {
  const redis = openRedis({ url, log: { warn: () => undefined, info: () => undefined } })!;
  onTestFinished(() => redis.close());
  expect(await redis.connected(2000)).toBe(true);
  return redis;
}

const overRedis = (url: string | undefined) => async () =>
  createThrottle({ redis: await connected(url!), processes: 1 });

describeThrottle({
  name: 'in one process',
  runs: true,
  create: async () => createThrottle({ redis: null, processes: 1 }),
});
describeThrottle({ name: 'over Redis (TEST_REDIS_URL)', runs: redisUrl !== undefined, create: overRedis(redisUrl) });
describeThrottle({
  name: 'over a Redis cluster (TEST_REDIS_CLUSTER_URL)',
  runs: clusterUrl !== undefined,
  create: overRedis(clusterUrl),
});

describe('without Redis', () => {
  test.each([
    [20, 4, 5],
    [20, 3, 6],
    [2, 8, 1],
  ])(
    'with %d points each of %d processes allows %d, so that together they allow no more, and at least one each',
    async (points, processes, expected) => {
      expect(await countAllowed(createThrottle({ redis: null, processes }), policyOf(points), 'a', 30)).toBe(expected);
    },
  );
});

describe.runIf(redisUrl)('with Redis', () => {
  test('two nodes share one limit', async () => {
    const [first, second] = await Promise.all([overRedis(redisUrl)(), overRedis(redisUrl)()]);
    const policy = policyOf(20);
    const allowed = await Promise.all([countAllowed(first, policy, 'a', 100), countAllowed(second, policy, 'a', 100)]);
    expect(allowed[0] + allowed[1]).toBe(20);
  });

  test('a raised limit keeps its counts', async () => {
    const throttle = await overRedis(redisUrl)();
    const policy = policyOf(5);
    expect(await countAllowed(throttle, policy, 'a', 8)).toBe(5);
    expect(await countAllowed(throttle, { ...policy, points: 10 }, 'a', 8)).toBe(2);
  });

  test('every key has an expiry and no readable user data', async () => {
    const redis = await connected(redisUrl!);
    const throttle = createThrottle({ redis, processes: 1 });
    const policy = policyOf(5);
    await throttle.consume(policy, '203.0.113.9');
    await throttle.refund(policy, 'alice@example.com');
    const [, keys] = await redis.run((client) =>
      client.scan(0, 'MATCH', `${KEY_PREFIX}limit:${policy.name}*`, 'COUNT', 100_000),
    );
    expect(keys).toHaveLength(2);
    expect(keys.join()).not.toMatch(/203\.0|alice/);
    for (const key of keys) expect(await redis.run((client) => client.pttl(key))).toBeGreaterThan(0);
  });

  test.each(['stop', 'freeze'] as const)(
    'while Redis is down (%s) half the points apply, never more, and Redis counts again when it is back',
    async (outage) => {
      const url = new URL(redisUrl!);
      const proxy = await createTcpProxy({ host: url.hostname, port: Number(url.port || 6379) });
      url.hostname = '127.0.0.1';
      url.port = String(proxy.port);
      const redis = await connected(url.href);
      const throttle = createThrottle({ redis, processes: 1 });
      const policy = policyOf(20);
      expect(await countAllowed(throttle, policy, 'a', 15)).toBe(15);

      await proxy[outage]();
      const start = performance.now();
      expect(await countAllowed(throttle, policy, 'a', 100)).toBe(10);
      expect(performance.now() - start).toBeLessThan(5000);
      expect(await countAllowed(throttle, policy, 'a', 100)).toBe(0);

      await (outage === 'stop' ? proxy.start() : proxy.thaw());
      await vi.waitFor(() => expect(redis.isUp()).toBe(true), { timeout: 60_000 });
      expect(await countAllowed(throttle, policy, 'a', 100)).toBeLessThanOrEqual(5);
    },
  );
});
