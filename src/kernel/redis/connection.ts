/** How Latchkey connects to Redis: one server, or a cluster when several nodes are named. */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { SECOND } from '../clock.ts';
import { ConfigError } from '../config.ts';
import { COMMAND_TIMEOUT, HANDSHAKE_TIMEOUT, STANDSTILL } from './limits.ts';

export type RedisClient = Redis | Cluster;

export type RedisNode = {
  host: string;
  port: number;
  db: number;
  username?: string;
  password?: string;
  /** Empty: the system's roots and the name of the host. */
  tls?: Record<string, never>;
};

export const connection = {
  // For what the driver itself asks when it connects; callers wait for `withDeadline`.
  commandTimeout: HANDSHAKE_TIMEOUT,
  connectTimeout: 2 * SECOND,
  // A command whose answer was lost may have been carried out; its caller decides, not the driver.
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectionName: 'latchkey',
  // After a failover the address may lead to a replica: reconnect.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

/** Milliseconds before the given attempt, with jitter so that nodes do not return in step. */
export const retryDelay = (attempt: number): number =>
  Math.min(50 * 2 ** Math.min(attempt, 5), SECOND) * (0.8 + 0.4 * Math.random());

/** Opens a connection to one Redis node, or to a cluster for several. Commands fail at once while it is down. */
export function connect(nodes: readonly RedisNode[]): RedisClient {
  if (nodes.length > 1) return connectCluster(nodes);
  return new Redis({ ...connection, ...nodes[0], enableOfflineQueue: false, retryStrategy: retryDelay });
}

function connectCluster(nodes: readonly RedisNode[]): Cluster {
  const { username, password, tls } = nodes[0]!;
  const access = { ...(username ? { username } : {}), ...(password ? { password } : {}), ...(tls ? { tls } : {}) };
  return new Cluster([...nodes], {
    redisOptions: { ...connection, commandTimeout: COMMAND_TIMEOUT, ...access },
    enableOfflineQueue: false,
    clusterRetryStrategy: retryDelay,
    slotsRefreshTimeout: SECOND,
    slotsRefreshInterval: 2 * SECOND,
    // Together below the deadline of a command.
    maxRedirections: 4,
    retryDelayOnFailover: 30,
    retryDelayOnClusterDown: 30,
    retryDelayOnTryAgain: 30,
    // Certificates carry names, so the names are not replaced by the addresses behind them.
    ...(tls ? { dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host) } : {}),
  });
}

/** @throws ConfigError */
export function readNode(text: string): RedisNode {
  const node = URL.parse(text);
  if (!node || (node.protocol !== 'redis:' && node.protocol !== 'rediss:'))
    throw new ConfigError('REDIS_URL must hold URLs that begin with redis:// or rediss://, separated by commas.');
  const db = Number(node.pathname.slice(1) || 0);
  if (!Number.isInteger(db))
    throw new ConfigError('REDIS_URL may name a database by its number, as in redis://host:6379/0.');
  return {
    host: node.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(node.port || 6379),
    db,
    ...(node.username ? { username: decodeURIComponent(node.username) } : {}),
    ...(node.password ? { password: decodeURIComponent(node.password) } : {}),
    ...(node.protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

/** Redis gave no answer in time. */
export class CommandTimeout extends Error {
  override readonly name = 'CommandTimeout';
}

/**
 * The answer, or a CommandTimeout. A timer that comes late itself shows that this process stood still: the answer may be here and not read
 * yet, or the command not sent, so the time begins once more.
 */
export function withDeadline<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer = wait(true);
    function wait(isFirst: boolean): NodeJS.Timeout {
      const begin = performance.now();
      return setTimeout(() => {
        if (isFirst && performance.now() - begin > COMMAND_TIMEOUT + STANDSTILL) timer = wait(false);
        else reject(new CommandTimeout('no answer in time'));
      }, COMMAND_TIMEOUT);
    }
    void work.then(resolve, reject).then(() => clearTimeout(timer));
  });
}
