/** A connection that fails quickly is asked for again, and what cannot be had is said clearly. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Pool } from 'pg';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { isTransient } from '#kernel/database-errors.ts';
import { reachDatabase } from '#kernel/database-lock.ts';
import { connectPatiently, DatabaseAway } from '#kernel/postgres/patient-pool.ts';
import { freePort } from '../../support/app.ts';

/** A server that speaks just enough PostgreSQL: it lets everybody in, or says `refusal` to the first ones. */
async function listen(port: number, { refuse = 0, silent = false } = {}) {
  let connections = 0;
  const message = (type: string, body: Buffer) => {
    const head = Buffer.alloc(5);
    head.write(type);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const waiting: Socket[] = [];
  const welcome = (socket: Socket) =>
    void socket.write(Buffer.concat([message('R', Buffer.from([0, 0, 0, 0])), message('Z', Buffer.from('I'))]));
  const server = createServer((socket) => {
    connections += 1;
    const isRefused = connections <= refuse;
    socket.on('error', () => undefined);
    socket.once('data', () => {
      if (silent) return void waiting.push(socket);
      if (isRefused)
        return void socket.end(message('E', Buffer.from('SFATAL\0C57P03\0Mthe database system is starting up\0\0')));
      welcome(socket);
    });
  });
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    wake: () => waiting.forEach(welcome),
  };
}

const pools: Pool[] = [];
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.end())));

function open(port: number, connectionTimeoutMillis = 2000): Pool {
  const pool = new Pool({
    host: '127.0.0.1',
    port,
    user: 'x',
    password: 'c4n4ry',
    database: 'x',
    max: 1,
    connectionTimeoutMillis,
  });
  pool.on('error', () => undefined);
  connectPatiently(pool);
  pools.push(pool);
  return pool;
}

describe('a pool', () => {
  test('retries while the server says that it is starting', async () => {
    const server = await listen(0, { refuse: 2 });
    const client = await open(server.port).connect();
    client.release();
    expect(server.connections()).toBe(3);
  });

  test('retries while no server listens, by callback too', async () => {
    const port = await freePort();
    const connected = new Promise<unknown>((resolve) =>
      open(port).connect((error, client, release) => {
        if (client) release();
        resolve(error ?? 'connected');
      }),
    );
    await listen(port);
    expect(await connected).toBe('connected');
  });

  test('gives up with the place, the reason and the variable, without a secret', async () => {
    const port = await freePort();
    const error: unknown = await open(port)
      .query('select 1')
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatabaseAway);
    expect((error as Error).message).toBe(
      `PostgreSQL at 127.0.0.1:${port} refuses connections. Start it, or correct host and port in DATABASE_URL.`,
    );
    expect(isTransient(error)).toBe(true);
  });

  test('reports a connection timeout, after one wait', async () => {
    const server = await listen(0, { silent: true });
    const error: unknown = await open(server.port, 1200)
      .connect()
      .catch((reason: unknown) => reason);
    expect((error as Error).message).toMatch(/accepted no connection in time\. .*DATABASE_CONNECT_SECONDS/);
    expect([server.connections(), isTransient(error)]).toEqual([1, true]);
  });

  test('reports that all of its connections are in use', async () => {
    const server = await listen(0);
    const pool = open(server.port, 1200);
    const client = await pool.connect();
    const error: unknown = await pool.connect().catch((reason: unknown) => reason);
    client.release();
    expect((error as Error).message).toContain('DATABASE_POOL');
    expect(isTransient(error)).toBe(true);
  });
});

test('a command waits for a connection for DATABASE_CONNECT_SECONDS', async () => {
  const server = await listen(0, { silent: true });
  const connectionString = `postgres://x:c4n4ry@127.0.0.1:${server.port}/x`;
  const patient = Promise.allSettled([reachDatabase({ connectionString, connectSeconds: 60 })]);
  await expect(reachDatabase({ connectionString, connectSeconds: 1 })).rejects.toThrow(
    /accepted no connection in time/,
  );
  server.wake();
  expect(await patient).toEqual([{ status: 'fulfilled', value: undefined }]);
});
