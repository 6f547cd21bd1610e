/**
 * Redis holds what may be lost: limits per address, caches, messages between nodes. So a Redis that is gone, hangs, is
 * full or answers nonsense costs its callers at most the command timeout, once: a circuit opens, further calls fail at
 * once with `RedisUnavailable`, and a probe closes it again. No request waits for Redis, and nothing queues for it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../clock.ts';
import type { Log } from '../log.ts';
import { redisMend } from '../log/mend.ts';
import { CommandTimeout, connect, readNode, type RedisClient, type RedisNode, withDeadline } from './connection.ts';
import { listenTo, type RedisListener } from './listener.ts';
import { PROBE_INTERVAL } from './limits.ts';

/** Redis cannot be used now. The caller falls back or answers 503; it never skips a check. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
}

export type RedisPort = {
  /** False while the circuit is open. */
  isUp(): boolean;
  /** After a command that failed: whether Redis answers again, as soon as that is known. */
  answersAgain(): Promise<boolean>;
  /** Called with each change of `isUp`. */
  onChange(listener: (isUp: boolean) => void): void;
  /** Waits for the first connection; false when `milliseconds` passed without one. */
  connected(milliseconds: number): Promise<boolean>;
  /** @throws RedisUnavailable */
  get(key: string): Promise<string | null>;
  /** In one command, where the keys need not share a slot. @throws RedisUnavailable */
  getAll(...keys: string[]): Promise<(string | null)[]>;
  /** Every key has an end: `ttl` in milliseconds. @throws RedisUnavailable */
  set(key: string, value: string, ttl: number): Promise<void>;
  /** How many of the keys there were. @throws RedisUnavailable */
  del(...keys: string[]): Promise<number>;
  /** @throws RedisUnavailable */
  publish(channel: string, message: string): Promise<void>;
  /** A connection of its own that listens to one channel. Returns the end of it. */
  listen(channel: string, listener: RedisListener): () => void;
  /** Any command, under the circuit. Keys begin with `KEY_PREFIX` and have a TTL. @throws RedisUnavailable */
  run<T>(work: (client: RedisClient) => Promise<T>): Promise<T>;
  /** For libraries that are given a client when they are made; their calls belong in `run`. */
  client: RedisClient;
  close(): void;
};

/** Before every key and channel, so that another program may use the same Redis. */
export const KEY_PREFIX = 'latchkey:';

/** Opens Redis from `REDIS_URL`; null without one. Throws a `ConfigError` for an invalid address. */
export function openRedis({
  url,
  log,
}: {
  url: string | undefined;
  log: Pick<Log, 'warn' | 'info'>;
}): RedisPort | null {
  const nodes = (url ?? '')
    .split(',')
    .map((node) => node.trim())
    .filter(Boolean);
  return nodes.length === 0 ? null : createPort(nodes.map(readNode), log);
}

function createPort(nodes: readonly RedisNode[], log: Pick<Log, 'warn' | 'info'>): RedisPort {
  const client = connect(nodes);
  const changes: ((isUp: boolean) => void)[] = [];
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  const at = nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
  let up = false;
  let isKnown = false;
  let lastError: unknown = new Error('not connected yet');
  let probing: Promise<void> | undefined;

  function setUp(next: boolean): void {
    // A Redis that was never reachable is reported too.
    if (up === next && isKnown) return;
    isKnown = true;
    up = next;
    if (up) log.info({ redis: 'up' }, 'Redis answers');
    else if (!closing.signal.aborted)
      log.warn(
        { redis: 'down', at, err: new RedisUnavailable(redisMend(lastError, at), { cause: lastError }) },
        'Redis cannot be used: limits, caches and short-lived state fall back',
      );
    for (const change of changes) change(up);
  }

  /** A write, because a full or paused Redis still answers PING. One at a time. */
  const probe = (): Promise<void> =>
    (probing ??= withDeadline(client.set(`${KEY_PREFIX}probe`, '1', 'PX', SECOND))
      .then(
        () => setUp(true),
        (error: unknown) => {
          lastError = error;
          setUp(false);
          // The old socket may be dead without an error, and what hangs in it must not be answered later.
          if (isTimeout(error) && client.status === 'ready') client.disconnect(true);
        },
      )
      .finally(() => (probing = undefined)));

  client.on('ready', () => {
    void probe().then(() => (up ? warnOfEviction() : undefined));
  });
  client.on('error', (error: unknown) => (lastError = error));
  client.on('close', () => setUp(false));
  const prober = setInterval(() => {
    if (!up && client.status === 'ready') void probe();
  }, PROBE_INTERVAL).unref();

  /** The commands of one turn of the event loop are sent in one write: each alone would be a system call. */
  function gather(): void {
    const stream = 'stream' in client ? client.stream : undefined;
    if (!stream || stream.writableCorked > 0) return;
    stream.cork();
    setImmediate(() => stream.uncork());
  }

  async function run<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    if (!up) throw new RedisUnavailable('the circuit is open', { cause: lastError });
    gather();
    try {
      return await withDeadline(work(client));
    } catch (error) {
      if (!isOutage(error)) throw error;
      void probe();
      throw new RedisUnavailable('Redis did not answer', { cause: error });
    }
  }

  async function warnOfEviction(): Promise<void> {
    const info = await run((client) => client.info('memory')).catch(() => '');
    const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1];
    if (policy && policy !== 'noeviction')
      log.warn({ policy }, 'Redis evicts keys that are still needed. Set maxmemory-policy to noeviction');
  }

  return {
    client,
    run,
    isUp: () => up,
    async answersAgain() {
      await probing;
      return up;
    },
    onChange: (listener) => void changes.push(listener),
    connected: (milliseconds) =>
      up
        ? Promise.resolve(true)
        : Promise.race([
            new Promise<true>((resolve) => changes.push((isUp) => isUp && resolve(true))),
            sleep(milliseconds, false, { ref: false }),
          ]),
    get: (key) => run((client) => client.get(KEY_PREFIX + key)),
    getAll: (...keys) =>
      run(async (client) => {
        const named = keys.map((key) => KEY_PREFIX + key);
        return nodes.length === 1 ? client.mget(named) : Promise.all(named.map((key) => client.get(key)));
      }),
    set: async (key, value, ttl) =>
      void (await run((client) => client.set(KEY_PREFIX + key, value, 'PX', Math.max(1, Math.ceil(ttl))))),
    // One by one: the keys of one command must share a slot in a cluster.
    del: (...keys) =>
      run(async (client) =>
        (await Promise.all(keys.map((key) => client.del(KEY_PREFIX + key)))).reduce((sum, n) => sum + n, 0),
      ),
    publish: async (channel, message) => void (await run((client) => client.publish(KEY_PREFIX + channel, message))),
    listen: (channel, listener) => {
      const end = listenTo(nodes, KEY_PREFIX + channel, listener);
      listeners.add(end);
      return () => void (listeners.delete(end), end());
    },
    close: () => {
      closing.abort();
      clearInterval(prober);
      listeners.forEach((end) => end());
      client.disconnect();
    },
  };
}

const isTimeout = (error: unknown): boolean =>
  error instanceof CommandTimeout || (error instanceof Error && error.message === 'Command timed out');

/** Answers by which a server says that it cannot serve now; any other error answer is a fault of ours. */
const outages =
  /^(OOM|READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|BUSY|UNBLOCKED)\b/;

function isOutage(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return false;
  return error.name === 'ReplyError' ? outages.test(error.message) : true;
}
