import { createServer, type AddressInfo } from 'node:net';
import { Client, Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { isTransient } from '#kernel/database-errors.ts';
import { AppError } from '#kernel/errors.ts';

const withCode = (code: string, more: object = {}) => Object.assign(new Error('from the driver'), { code }, more);

describe('an error is transient', () => {
  test.each([
    ['08006', 'connection failure'],
    ['08P01', 'protocol violation'],
    ['53300', 'too many connections'],
    ['53100', 'disk full'],
    ['57P01', 'terminated by an administrator'],
    ['57P03', 'starting up'],
    ['57014', 'a statement that took too long'],
    ['40001', 'serialization failure'],
    ['40P01', 'deadlock'],
    ['55P03', 'a lock that took too long'],
    ['25006', 'a primary that became a standby'],
    ['25P03', 'a transaction left idle'],
    ['ECONNREFUSED', 'nobody there'],
    ['ECONNRESET', 'cut off'],
    ['ETIMEDOUT', 'no answer'],
    ['EAI_AGAIN', 'no name service'],
  ])('%s, %s', (code) => {
    expect(isTransient(withCode(code))).toBe(true);
  });

  test.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
  ])('%j is transient', (message) => {
    expect(isTransient(new Error(message))).toBe(true);
  });

  test('also inside a wrapping error', () => {
    expect(isTransient(new Error('saving failed', { cause: withCode('57P01') }))).toBe(true);
    expect(isTransient(Object.assign(new Error('mapper'), { previous: withCode('40001') }))).toBe(true);
    expect(isTransient(new AggregateError([new Error('x'), withCode('ECONNREFUSED')]))).toBe(true);
  });

  test('a missing Unix socket is transient, but no other missing file', () => {
    expect(isTransient(withCode('ENOENT', { syscall: 'connect' }))).toBe(true);
    expect(isTransient(withCode('ENOENT', { syscall: 'open' }))).toBe(false);
  });
});

test.each<[unknown, string]>([
  [withCode('23505'), 'a value that exists'],
  [withCode('42P01'), 'a table that does not exist'],
  [withCode('42601'), 'a syntax error'],
  [withCode('28P01'), 'a wrong password'],
  [withCode('3D000'), 'no such database'],
  [new AppError({ code: 'x.y', status: 404, message: 'no' }), 'a refusal'],
  [new TypeError('x is not a function'), 'a bug'],
  ['ECONNREFUSED', 'a text'],
  [null, 'nothing'],
])('is not transient (%#): %s', (error) => {
  expect(isTransient(error)).toBe(false);
});

test('a chain of causes with a cycle is followed for a bounded length', () => {
  const error = new Error('round');
  error.cause = error;
  expect(isTransient(error)).toBe(false);
});

describe('errors of the real driver', () => {
  const failure = async (work: () => Promise<unknown>): Promise<unknown> =>
    work().then(
      () => new Error('it worked'),
      (error: unknown) => error,
    );

  test('of a missing server', async () => {
    const pool = new Pool({ host: '127.0.0.1', port: 1, user: 'x' });
    expect(isTransient(await failure(() => pool.query('select 1')))).toBe(true);
    await pool.end();
  });

  test.each([
    ['hangs up', true],
    ['says nothing', false],
  ])('of a server that accepts the connection and %s', async (_title, hangsUp) => {
    const server = createServer((socket) => void (hangsUp && socket.destroy())).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const client = new Client({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      user: 'x',
      connectionTimeoutMillis: 200,
    });
    client.on('error', () => undefined);
    expect(isTransient(await failure(() => client.connect()))).toBe(true);
    server.close();
  });
});
