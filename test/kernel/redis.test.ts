import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { SECOND } from '#kernel/clock.ts';
import { ConfigError } from '#kernel/config.ts';
import { errorRecord } from '#kernel/log/error-record.ts';
import { COMMAND_TIMEOUT, LISTENER_HEARTBEAT } from '#kernel/redis/limits.ts';
import { KEY_PREFIX, openRedis, RedisUnavailable, type RedisPort } from '#kernel/redis/port.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';

const serverUrl = process.env['TEST_REDIS_URL'];
const clusterUrl = process.env['TEST_REDIS_CLUSTER_URL'];

type Line = { level: 'warn' | 'info'; fields: Record<string, unknown> };

function open(url: string): { redis: RedisPort; lines: Line[] } {
  const lines: Line[] = [];
  const write = (level: Line['level']) => (fields: unknown) =>
    void lines.push({ level, fields: fields as Line['fields'] });
  const redis = openRedis({ url, log: { warn: write('warn'), info: write('info') } })!;
  onTestFinished(() => redis.close());
  return { redis, lines };
}

async function connected(url: string) {
  const opened = open(url);
  expect(await opened.redis.connected(10_000)).toBe(true);
  return opened;
}

const freshKey = () => `test:${crypto.randomUUID()}`;

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** That a command is refused before the event loop goes on: it has waited for no timer and no socket. */
async function expectRefusedAtOnce(command: () => Promise<unknown>): Promise<void> {
  let error: unknown;
  void command().catch((thrown: unknown) => (error = thrown));
  await new Promise((resolve) => setImmediate(resolve));
  expect(error).toBeInstanceOf(RedisUnavailable);
}

async function throughProxy() {
  const url = new URL(serverUrl!);
  const proxy = await createTcpProxy({ host: url.hostname, port: Number(url.port || 6379) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return { proxy, url: url.href };
}

describe('REDIS_URL', () => {
  test.each([undefined, '', ' , '])('without one (%j) there is no Redis', (url) => {
    expect(openRedis({ url, log: { warn: () => undefined, info: () => undefined } })).toBeNull();
  });

  test.each(['http://127.0.0.1', 'redis://127.0.0.1,127.0.0.1:6380', 'redis://127.0.0.1/name', 'redis://a b'])(
    '%s is refused with the name of the variable',
    (url) => {
      expect(() => open(url)).toThrow(ConfigError);
      expect(() => open(url)).toThrow(/^REDIS_URL/);
    },
  );
});

describe('the log gives the fix for a Redis', () => {
  async function answering(text: string): Promise<string> {
    const server = createServer(
      (socket) => void socket.on('error', () => undefined).on('data', () => socket.write(text)),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return `redis://:c4n4ry@127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test.each<[string, () => Promise<string> | string, RegExp]>([
    ['that is not there', () => 'redis://:c4n4ry@127.0.0.1:1', /refuses connections\. .*REDIS_URL\.$/],
    ['of an unknown host', () => 'redis://:c4n4ry@nowhere.invalid', /no name service|name service cannot/],
    ['that is silent', () => answering(''), /does not answer in time\. .*REDIS_URL\.$/],
    ['with another password', () => answering('-WRONGPASS invalid\r\n'), /the user or the password\. .*REDIS_URL\.$/],
    ['that speaks HTTP', () => answering('HTTP/1.1 400\r\n\r\n'), /cannot be used\. .*REDIS_URL\.$/],
  ])('%s', async (_title, url, words) => {
    const given = await url();
    // A process that stood still for the time of a command finds the time over before it reads the answer, and is right: once more.
    await vi.waitFor(
      async () => {
        const { lines } = open(given);
        await vi.waitFor(() => expect(lines).toHaveLength(1), { timeout: 60_000 });
        const { err } = lines[0]!.fields as { err: Error };
        expect(err.message).toMatch(/^Redis at [\w.]+:\d+ /);
        expect(err.message).toMatch(words);
        expect(JSON.stringify(errorRecord(err, (text) => text))).not.toMatch(/c4n4ry|"stack"/);
      },
      { timeout: 30_000 },
    );
  });
});

describe('an unreachable Redis', () => {
  async function blackHole(): Promise<string> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
    });
    return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const targets: Record<string, () => Promise<string>> = {
    'a closed port': async () => 'redis://127.0.0.1:1',
    'a server that never answers': blackHole,
    'a cluster of closed ports': async () => 'redis://127.0.0.1:1,redis://127.0.0.1:2',
  };

  test.each(Object.entries(targets))(
    '%s: every command fails at once as unavailable, and none throws anything else',
    async (_name, target) => {
      const { redis } = open(await target());
      expect(await redis.connected(600)).toBe(false);
      const commands = [
        () => redis.get('a'),
        () => redis.set('a', 'b', 1000),
        () => redis.del('a'),
        () => redis.publish('a', 'b'),
        () => redis.run((client) => client.incr('a')),
      ];
      for (const command of commands) await expectRefusedAtOnce(command);
      expect(redis.isUp()).toBe(false);
    },
  );
});

describe.runIf(serverUrl)('with Redis (TEST_REDIS_URL)', () => {
  test('keeps a value until its expiry, under a name of its own', async () => {
    const { redis } = await connected(serverUrl!);
    const key = freshKey();
    await redis.set(key, 'value', 150.4);
    expect(await redis.get(key)).toBe('value');
    const left = await redis.run((client) => client.pttl(KEY_PREFIX + key));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(151);
    await vi.waitFor(async () => expect(await redis.get(key)).toBeNull(), { timeout: 60_000 });
  });

  test.each([0, -5, 0.2])('a time to live of %d ms still gives the key an expiry', async (ttl) => {
    const { redis } = await connected(serverUrl!);
    const key = freshKey();
    await redis.set(key, 'value', ttl);
    await vi.waitFor(async () => expect(await redis.get(key)).toBeNull(), { timeout: 60_000 });
  });

  test('deletes keys and returns their number', async () => {
    const { redis } = await connected(serverUrl!);
    const [a, b] = [freshKey(), freshKey()];
    await redis.set(a, '1', 5000);
    await redis.set(b, '1', 5000);
    expect(await redis.del(a, b, freshKey())).toBe(2);
    expect(await redis.get(a)).toBeNull();
  });

  test('a wrong command is a fault and opens no circuit', async () => {
    const { redis } = await connected(serverUrl!);
    const key = freshKey();
    await redis.set(key, 'text', 5000);
    await expect(redis.run((client) => client.lpush(KEY_PREFIX + key, 'x'))).rejects.toThrow(/WRONGTYPE/);
    expect(redis.isUp()).toBe(true);
  });

  test('a hanging Redis: the circuit opens after a second silence, and closes again', async () => {
    const { proxy, url } = await throughProxy();
    const { redis, lines } = await connected(url);
    const key = freshKey();
    await redis.set(key, 'kept', 60_000);
    proxy.freeze();
    const first = await elapsed(async () => {
      const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => redis.get(key)));
      expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    });
    // One after another they would take ten seconds.
    expect(first).toBeLessThan(3000);
    expect(await redis.answersAgain()).toBe(false);
    expect(redis.isUp()).toBe(false);
    await expectRefusedAtOnce(() => redis.get(key));
    await sleep(1500);
    expect(redis.isUp()).toBe(false);
    proxy.thaw();
    await vi.waitFor(() => expect(redis.isUp()).toBe(true), { timeout: 60_000 });
    expect(await redis.get(key)).toBe('kept');
    expect(lines.map(({ fields }) => fields['redis'])).toEqual(['up', 'down', 'up']);
  });

  test('a stopped Redis: commands in progress fail at once, and it is used again after its return', async () => {
    const { proxy, url } = await throughProxy();
    const { redis } = await connected(url);
    const changes: boolean[] = [];
    redis.onChange((isUp) => changes.push(isUp));
    await proxy.stop();
    const time = await elapsed(() => Promise.allSettled(Array.from({ length: 20 }, () => redis.get('a'))));
    // One after another they would take four seconds.
    expect(time).toBeLessThan(2000);
    await vi.waitFor(() => expect(redis.isUp()).toBe(false), { timeout: 60_000 });
    await sleep(1000);
    await proxy.start();
    await vi.waitFor(() => expect(redis.isUp()).toBe(true), { timeout: 60_000 });
    expect(changes).toEqual([false, true]);
  });

  test('one slow response opens no circuit', async () => {
    const { proxy, url } = await throughProxy();
    const { redis } = await connected(url);
    proxy.freeze();
    await expect(redis.get('a')).rejects.toBeInstanceOf(RedisUnavailable);
    proxy.thaw();
    expect(await redis.answersAgain()).toBe(true);
    expect(redis.isUp()).toBe(true);
  });

  test('a Redis that accepts no writes counts as down', async () => {
    const { redis: admin } = await connected(serverUrl!);
    const user = `reader-${crypto.randomUUID()}`;
    await admin.run(
      (client) => client.call('ACL', 'SETUSER', user, 'on', '>p@ss/word', '~*', '+@all', '-set') as Promise<string>,
    );
    onTestFinished(
      async () => void (await admin.run((client) => client.call('ACL', 'DELUSER', user) as Promise<string>)),
    );
    const url = new URL(serverUrl!);
    url.username = user;
    url.password = 'p@ss/word';
    const { redis } = open(url.href);
    expect(await redis.connected(800)).toBe(false);
    await admin.run((client) => client.call('ACL', 'SETUSER', user, '+set') as Promise<string>);
    expect(await redis.connected(10_000)).toBe(true);
  });

  test('warns when keys may be evicted', async () => {
    const { redis: admin } = await connected(serverUrl!);
    const set = (policy: string) => admin.run((client) => client.config('SET', 'maxmemory-policy', policy));
    await set('allkeys-lru');
    onTestFinished(async () => void (await set('noeviction')));
    const { lines } = await connected(serverUrl!);
    await vi.waitFor(() => expect(lines).toContainEqual({ level: 'warn', fields: { policy: 'allkeys-lru' } }), {
      timeout: 10_000,
    });
  });
});

describe.each([
  ['one server (TEST_REDIS_URL)', serverUrl],
  ['a cluster (TEST_REDIS_CLUSTER_URL)', clusterUrl],
])('messages over %s', (_name, url) => {
  const heard: string[] = [];
  const listener = {
    message: (text: string) => void heard.push(text),
    up: () => void heard.push('[up]'),
    down: () => void heard.push('[down]'),
  };

  test.runIf(url)('reach every listener of the channel and no other', async () => {
    heard.splice(0);
    const { redis } = await connected(url!);
    const channel = freshKey();
    const end = redis.listen(channel, listener);
    await vi.waitFor(() => expect(heard).toEqual(['[up]']), { timeout: 60_000 });
    await redis.publish(freshKey(), 'other');
    for (const text of ['1', '2', '3']) await redis.publish(channel, text);
    await vi.waitFor(() => expect(heard).toHaveLength(4), { timeout: 60_000 });
    // A cluster keeps no order among messages that came in at different nodes.
    expect(new Set(heard)).toEqual(new Set(['[up]', '1', '2', '3']));
    end();
    await vi.waitFor(() => expect(heard.at(-1)).toBe('[down]'), { timeout: 60_000 });
  });

  test.runIf(url)('commands with several keys work although the keys are on several nodes', async () => {
    const { redis } = await connected(url!);
    const keys = Array.from({ length: 20 }, freshKey);
    await Promise.all(keys.map((key) => redis.set(key, key, 5000)));
    expect(await Promise.all(keys.map((key) => redis.get(key)))).toEqual(keys);
    expect(await redis.del(...keys)).toBe(20);
  });
});

describe.runIf(serverUrl)('a listener', () => {
  test('learns of a silence in less than a second: that is the sum of two times', () => {
    expect(LISTENER_HEARTBEAT + COMMAND_TIMEOUT).toBeLessThan(SECOND);
  });

  test.each(['freeze', 'stop'] as const)(
    'learns that it may miss messages (%s), and learns when they return',
    async (outage) => {
      const { proxy, url } = await throughProxy();
      const { redis } = await connected(url);
      const heard: string[] = [];
      redis.listen('outage', {
        message: (text) => void heard.push(text),
        up: () => void heard.push('[up]'),
        down: () => void heard.push('[down]'),
      });
      await vi.waitFor(() => expect(heard).toEqual(['[up]']), { timeout: 60_000 });
      await proxy[outage]();
      await vi.waitFor(() => expect(heard.slice(0, 2)).toEqual(['[up]', '[down]']), { timeout: 60_000 });
      await (outage === 'freeze' ? proxy.thaw() : proxy.start());
      await vi.waitFor(() => expect(heard.at(-1)).toBe('[up]'), { timeout: 60_000 });
      await vi.waitFor(() => expect(redis.isUp()).toBe(true), { timeout: 60_000 });
      await redis.publish('outage', 'after');
      await vi.waitFor(() => expect(heard.at(-1)).toBe('after'), { timeout: 60_000 });
    },
  );
});
