import { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openTracing, type Tracing } from '#kernel/tracing.ts';

type Span = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
  status: { code?: number };
};

/** A collector on loopback that keeps what it is sent (OTLP over HTTP, JSON). */
let collector: Server;
let spans: Span[];
let paths: string[];
let tracing: Tracing;

beforeEach(async () => {
  spans = [];
  paths = [];
  collector = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        paths.push(`${req.method} ${req.url}`);
        const sent = JSON.parse(Buffer.concat(chunks).toString()) as {
          resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
        };
        spans.push(...sent.resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((scope) => scope.spans)));
        res.end('{}');
      });
  });
  await new Promise<void>((resolve) => void collector.listen(0, '127.0.0.1', resolve));
  tracing = (await openTracing({ otelEndpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` }))!;
});
afterEach(async () => {
  await tracing.close();
  collector.closeAllConnections();
  collector.close();
});

const request = { method: 'POST', route: '/oidc/token', requestId: 'the-request', traceparent: undefined };
const attributesOf = (span: Span | undefined) =>
  Object.fromEntries(
    (span?.attributes ?? []).map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
const named = (name: string) => spans.find((span) => span.name === name);

/** A pool whose one connection answers as the driver does: by promise or by callback. */
function pool() {
  const emitter = new EventEmitter();
  const client = {
    query: vi.fn((...args: unknown[]): unknown => {
      const callback = args.at(-1);
      const text = typeof args[0] === 'string' ? args[0] : (args[0] as { text: string }).text;
      const error = text.includes('broken') ? new Error('no such table') : null;
      if (typeof callback === 'function') return void setImmediate(() => callback(error, { rows: [1] }));
      return error ? Promise.reject(error) : Promise.resolve({ rows: [1] });
    }),
  };
  tracing.watchQueries(emitter as never);
  emitter.emit('connect', client);
  return client;
}

test('without a collector there is no tracing', async () => {
  expect(await openTracing({ otelEndpoint: undefined })).toBeUndefined();
});

describe('a request', () => {
  test('is a span named after its group of routes, with method, status and request id', async () => {
    await tracing.request(request, async () => 201);
    await tracing.close();
    expect(paths).toEqual(['POST /v1/traces']);
    expect(spans).toMatchObject([{ name: 'POST /oidc/token', kind: 2 }]);
    expect(attributesOf(spans[0])).toEqual({
      'http.request.method': 'POST',
      'http.route': '/oidc/token',
      'http.response.status_code': 201,
      'latchkey.request_id': 'the-request',
    });
  });

  test.each([
    [200, undefined],
    [404, undefined],
    [500, 2],
  ])('with status %i has the span status %s', async (status, code) => {
    await tracing.request(request, async () => status);
    await tracing.close();
    expect(spans[0]?.status.code || undefined).toBe(code);
  });

  test('that fails passes its error on', async () => {
    await expect(tracing.request(request, () => Promise.reject(new Error('fault')))).rejects.toThrow('fault');
    await tracing.close();
    expect(spans[0]?.status.code).toBe(2);
  });

  test('continues the trace of a trusted proxy (W3C Trace Context §3.2)', async () => {
    await tracing.request(
      { ...request, traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
      async () => 200,
    );
    await tracing.close();
    expect(spans[0]).toMatchObject({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', parentSpanId: '00f067aa0ba902b7' });
  });

  test.each([
    '',
    'x',
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
    '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01',
  ])('begins a new trace when the header is %j', async (traceparent) => {
    await tracing.request({ ...request, traceparent }, async () => 200);
    await tracing.close();
    expect(spans[0]?.parentSpanId || undefined).toBeUndefined();
  });
});

describe('a statement', () => {
  test('is a span below its request, by promise and by callback, with its text and never its values', async () => {
    const client = pool();
    await tracing.request(request, async () => {
      await client.query({ text: 'select secret from t where id = $1', values: ['c4n4ry'] });
      await new Promise((resolve) => void client.query('update t set x = $1', ['c4n4ry'], resolve));
      await client.query(`insert into t values ('c4n4ry', 'it''s c4n4ry')`);
      return 200;
    });
    await tracing.close();
    const parent = named('POST /oidc/token');
    expect(named('SELECT')).toMatchObject({ traceId: parent?.traceId, parentSpanId: parent?.spanId, kind: 3 });
    expect(named('UPDATE')).toMatchObject({ parentSpanId: parent?.spanId });
    expect(attributesOf(named('SELECT'))).toEqual({
      'db.system.name': 'postgresql',
      'db.query.text': 'select secret from t where id = $1',
    });
    expect(JSON.stringify(spans)).not.toContain('c4n4ry');
  });

  test('that fails is marked, and its error reaches the caller unchanged', async () => {
    const client = pool();
    await tracing.request(request, async () => {
      await expect(client.query('select broken')).rejects.toThrow('no such table');
      const error = await new Promise((resolve) => void client.query('delete broken', resolve));
      expect(error).toEqual(new Error('no such table'));
      return 200;
    });
    await tracing.close();
    expect([named('SELECT')?.status.code, named('DELETE')?.status.code]).toEqual([2, 2]);
  });

  test('outside a request, or sent by the tracing itself, has no span', async () => {
    const client = pool();
    await client.query('select 1');
    const cursor = { text: 'select 2', submit: () => undefined };
    await tracing.request(request, async () => {
      await client.query(cursor);
      return 200;
    });
    await tracing.close();
    expect(spans.map((span) => span.name)).toEqual(['POST /oidc/token']);
  });
});

test('two requests at once do not mix their statements', async () => {
  const client = pool();
  const gate = Promise.withResolvers<void>();
  const one = tracing.request({ ...request, route: '/one' }, async () => {
    await gate.promise;
    await client.query('select one');
    return 200;
  });
  await tracing.request({ ...request, route: '/two' }, async () => {
    await client.query('insert two');
    return 200;
  });
  gate.resolve();
  await one;
  await tracing.close();
  expect(named('SELECT')?.traceId).toBe(named('POST /one')?.traceId);
  expect(named('INSERT')?.traceId).toBe(named('POST /two')?.traceId);
});

test('a silent collector delays a stop by at most two seconds', async () => {
  collector.removeAllListeners('request');
  await tracing.request(request, async () => 200);
  const begin = performance.now();
  await tracing.close();
  expect(performance.now() - begin).toBeLessThan(8000);
});
