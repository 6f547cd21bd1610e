import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { connection, retryDelay, type RedisNode, withDeadline } from './connection.ts';
import { LISTENER_HEALTHY_AFTER, LISTENER_HEARTBEAT } from './limits.ts';

export type RedisListener = {
  message(text: string): void;
  /** The channel stands, for the first time or again: messages may have been missed before. */
  up(): void;
  /** Messages may be missed from here on. */
  down(): void;
};

/** In a cluster every node passes every message on, so that listening to any one of them is enough. */
export function listenTo(nodes: readonly RedisNode[], channel: string, listener: RedisListener): () => void {
  const ended = new AbortController();
  let current: Redis | undefined;

  async function follow(node: RedisNode): Promise<void> {
    const redis = new Redis({
      ...connection,
      ...node,
      connectionName: 'latchkey-listener',
      lazyConnect: true,
      retryStrategy: null,
    });
    current = redis;
    redis.on('error', () => undefined);
    redis.on('message', (_channel, text) => listener.message(text));
    const closed = new Promise<void>((resolve) => void redis.once('end', resolve));
    try {
      await redis.connect();
      await withDeadline(redis.subscribe(channel));
      listener.up();
      // A peer that vanished without a word is noticed by its silence alone.
      while (!ended.signal.aborted && redis.status === 'ready') {
        await withDeadline(redis.ping());
        await Promise.race([closed, sleep(LISTENER_HEARTBEAT, undefined, { ref: false })]);
      }
    } finally {
      listener.down();
      redis.disconnect();
    }
  }

  void (async () => {
    for (let attempt = 0; !ended.signal.aborted; attempt += 1) {
      const before = performance.now();
      await follow(nodes[attempt % nodes.length]!).catch(() => undefined);
      if (performance.now() - before > LISTENER_HEALTHY_AFTER) attempt = 0;
      await sleep(retryDelay(attempt), undefined, { ref: false });
    }
  })();
  return () => {
    ended.abort();
    current?.disconnect();
  };
}
