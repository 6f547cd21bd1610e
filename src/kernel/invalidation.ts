/**
 * Tells every node that something it may have cached has changed. Messages travel over Redis where there is one, else
 * over PostgreSQL (LISTEN/NOTIFY); what Redis refuses takes the other way. With neither there is one process, and
 * no other node. Neither channel stores messages, so a node that connects or reconnects forgets everything.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { SECOND } from './clock.ts';
import { DEFAULT_CONNECT_SECONDS } from './config.ts';
import type { Database } from './database.ts';
import type { Log } from './log.ts';
import type { RedisPort } from './redis/port.ts';

export type InvalidationHandler = {
  changed(key: string): void;
  /** Messages may have been missed: everything may have changed. */
  resync(): void;
};

export type Invalidation = {
  /**
   * To be called after the change was committed. The handlers of this process have run when it returns; the handlers of
   * other nodes follow within milliseconds, and later when every way to them is closed. Never rejects.
   */
  publish(topic: string, key: string): Promise<void>;
  subscribe(topic: string, handler: InvalidationHandler): void;
  /** False while messages of other nodes may be missed: nothing cached may be trusted. */
  isHealthy(): boolean;
  close(): Promise<void>;
};

type Listener = { message(text: string): void; up(): void; down(): void };
type Way = { publish(message: string): Promise<void>; listen(listener: Listener): () => void | Promise<void> };

/** Sender, topic and key; a null key means all keys, a null topic everything. */
type Message = [node: string, topic: string | null, key: string | null];

const CHANNEL = 'latchkey_invalidation';
/** PostgreSQL passes on at most 8000 bytes (NOTIFY, "payload"). */
const MAX_KEY_BYTES = 4000;
/** Keys that wait for a connection; above this number all nodes reload everything. */
const MAX_UNSENT = 1000;
/** Milliseconds between two tries to send what waits. */
const RESEND_INTERVAL = 500;

type Options = {
  redis: Pick<RedisPort, 'publish' | 'listen'> | null;
  database: Pick<Database, 'sql'>;
  /** For the listening connection, which a pool cannot lend. Undefined when embedded. */
  databaseUrl: string | undefined;
  log: Pick<Log, 'warn'>;
};

/** Creates the messages between nodes over Redis and PostgreSQL; with neither they stay in this process. */
export function createInvalidation({ redis, database, databaseUrl, log }: Options): Invalidation {
  const node = randomUUID();
  const handlers = new Map<string, InvalidationHandler[]>();
  const unsent: Message[] = [];
  const ways: Way[] = [
    ...(redis ? [overRedis(redis)] : []),
    ...(databaseUrl ? [overPostgres(database, databaseUrl)] : []),
  ];
  const standing = new Set<Way>();

  function tell([, topic, key]: Message): void {
    const called = topic === null ? [...handlers.values()].flat() : (handlers.get(topic) ?? []);
    for (const handler of called) {
      if (key === null) handler.resync();
      else handler.changed(key);
    }
  }

  async function deliver(message: Message): Promise<boolean> {
    for (const way of ways) {
      const sent = await way.publish(JSON.stringify(message)).then(
        () => true,
        () => false,
      );
      if (sent) return true;
    }
    return ways.length === 0;
  }

  async function send(message: Message): Promise<void> {
    if (await deliver(message)) return;
    if (unsent.length === 0) log.warn({ topic: message[1] }, 'other nodes do not receive a change yet');
    // Rather tell the others to forget everything than forget to tell them something.
    if (unsent.length >= MAX_UNSENT) unsent.splice(0, unsent.length, [node, null, null]);
    else unsent.push(message);
  }

  let resending = false;
  async function resend(): Promise<void> {
    if (resending) return;
    resending = true;
    for (let next = unsent.shift(); next; next = unsent.shift()) {
      if (await deliver(next)) continue;
      unsent.unshift(next);
      break;
    }
    resending = false;
  }
  const resender = ways.length > 0 ? setInterval(() => void resend(), RESEND_INTERVAL).unref() : undefined;

  const ends = ways.map((way) =>
    way.listen({
      message: (text) => {
        const message = readMessage(text);
        if (message[0] !== node) tell(message);
      },
      up: () => {
        standing.add(way);
        tell([node, null, null]);
        void resend();
      },
      down: () => void standing.delete(way),
    }),
  );

  return {
    isHealthy: () => standing.size === ways.length,
    subscribe: (topic, handler) => void handlers.set(topic, [...(handlers.get(topic) ?? []), handler]),
    publish: (topic, key) => {
      const message: Message = [node, topic, key];
      tell(message);
      return send(Buffer.byteLength(key) > MAX_KEY_BYTES ? [node, topic, null] : message);
    },
    close: async () => {
      clearInterval(resender);
      await Promise.all(ends.map(async (end) => end()));
    },
  };
}

/** Other writers to the channel must not stop this process: an unreadable message may mean anything. */
function readMessage(text: string): Message {
  try {
    const message: unknown = JSON.parse(text);
    return Array.isArray(message) ? (message as Message) : ['', null, null];
  } catch {
    return ['', null, null];
  }
}

function overRedis(redis: Pick<RedisPort, 'publish' | 'listen'>): Way {
  return {
    publish: (message) => redis.publish(CHANNEL, message),
    listen: (listener) => redis.listen(CHANNEL, listener),
  };
}

/** How soon a connection that died without a word is noticed. */
const HEARTBEAT_INTERVAL = 500;

function overPostgres(database: Pick<Database, 'sql'>, connectionString: string): Way {
  async function follow(client: Client, listener: Listener, ended: AbortSignal): Promise<void> {
    const closed = new AbortController();
    client.once('end', () => closed.abort());
    client.on('error', () => undefined);
    client.on('notification', ({ payload }) => payload && listener.message(payload));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      listener.up();
      while (!ended.aborted && !closed.signal.aborted) {
        await client.query('select 1');
        await sleep(HEARTBEAT_INTERVAL, undefined, { ref: false, signal: closed.signal }).catch(() => undefined);
      }
    } finally {
      listener.down();
      await endSoon(client);
    }
  }

  return {
    publish: async (message) => void (await database.sql('select pg_notify($1, $2)', [CHANNEL, message])),
    listen: (listener) => {
      const ended = new AbortController();
      let current: Client | undefined;
      void (async () => {
        while (!ended.signal.aborted) {
          current = new Client({
            connectionString,
            connectionTimeoutMillis: DEFAULT_CONNECT_SECONDS * SECOND,
            query_timeout: SECOND,
            keepAlive: true,
            application_name: 'latchkey listener',
          });
          await follow(current, listener, ended.signal).catch(() => undefined);
          await sleep(200 + 300 * Math.random(), undefined, { ref: false });
        }
      })();
      return async () => {
        ended.abort();
        if (current) await endSoon(current);
      };
    },
  };
}

/** Saying goodbye to a server that hangs must not hang. */
async function endSoon(client: Client): Promise<void> {
  await Promise.race([client.end().catch(() => undefined), sleep(500, undefined, { ref: false })]);
}
