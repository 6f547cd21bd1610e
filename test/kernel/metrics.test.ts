import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { createMetrics, openMetricsListener, type MetricsListener, type MetricsSource } from '#kernel/metrics.ts';

let latchkey: TestApp;
beforeAll(async () => void (latchkey = await startTestApp({ env: { METRICS_PORT: '0' } })));
afterAll(() => latchkey.close());

const listeners: MetricsListener[] = [];
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
});

async function open(source: MetricsSource) {
  const listener = await openMetricsListener({ metricsPort: 0, host: '127.0.0.1' }, source);
  listeners.push(listener);
  return async (path = '/metrics', method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${listener.port}${path}`, { method });
    return { status: answer.status, type: answer.headers.get('Content-Type'), text: await answer.text() };
  };
}

const request = { mount: { path: '/oidc/token' }, method: 'POST', status: 200, seconds: 0.004 };

describe('metrics', () => {
  test('count requests by line of the site map, method and status, with their duration', async () => {
    const metrics = createMetrics();
    metrics.observeRequest(request);
    metrics.observeRequest({ ...request, seconds: 0.3 });
    metrics.observeRequest({ ...request, status: 400 });
    const text = await metrics.text();
    expect(text).toContain(
      'latchkey_http_request_duration_seconds_count{route="/oidc/token",method="POST",status="200"} 2',
    );
    expect(text).toContain(
      'latchkey_http_request_duration_seconds_count{route="/oidc/token",method="POST",status="400"} 1',
    );
    expect(text).toContain(
      'latchkey_http_request_duration_seconds_bucket{le="0.005",route="/oidc/token",method="POST",status="200"} 1',
    );
  });

  test('grow by no label that a request invents', async () => {
    const metrics = createMetrics();
    for (let i = 0; i < 50; i += 1)
      metrics.observeRequest({ mount: undefined, method: `X${i}`, status: 404, seconds: 0 });
    const series = (await metrics.text()).match(/^latchkey_http_request_duration_seconds_count.*$/gm);
    expect(series).toEqual([
      'latchkey_http_request_duration_seconds_count{route="none",method="other",status="404"} 50',
    ]);
  });

  test('have a series for every known label from the start', async () => {
    const text = await latchkey.app.metrics!.text();
    const declared = [...text.matchAll(/^# TYPE (latchkey_\S+)/gm)].map(([, name]) => name!);
    expect(declared).toEqual(expect.arrayContaining(['latchkey_sign_ins_total', 'latchkey_tokens_total']));
    expect(declared.filter((name) => !new RegExp(`^${name}(_count)?\\{.*\\} 0$`, 'm').test(text))).toEqual([]);
    for (const series of [
      ...['verified', 'wrong', 'throttled'].map((outcome) => `latchkey_sign_ins_total{outcome="${outcome}"} 0`),
      ...[
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
      ].map((grant) => `latchkey_tokens_total{grant="${grant}"} 0`),
      ...['found', 'not_found', 'failed', 'skipped'].map(
        (outcome) => `latchkey_breach_checks_total{outcome="${outcome}"} 0`,
      ),
    ])
      expect(text).toContain(series);
  });

  test('count sign-ins by outcome and tokens by grant', async () => {
    const metrics = createMetrics();
    metrics.countSignIn('verified');
    metrics.countSignIn('wrong');
    metrics.countSignIn('wrong');
    metrics.countToken('refresh_token');
    const text = await metrics.text();
    expect(text).toContain('latchkey_sign_ins_total{outcome="verified"} 1');
    expect(text).toContain('latchkey_sign_ins_total{outcome="wrong"} 2');
    expect(text).toContain('latchkey_tokens_total{grant="refresh_token"} 1');
  });

  test('show the current usage of pools and queues', async () => {
    const metrics = createMetrics();
    let waiting = 3;
    metrics.watchHashing({ waiting: () => waiting, running: () => 2 });
    metrics.watchDatabasePool({ totalCount: 10, idleCount: 4, waitingCount: 1 });
    expect(await metrics.text()).toContain('latchkey_argon2_queue{state="waiting"} 3');
    waiting = 0;
    const text = await metrics.text();
    expect(text).toContain('latchkey_argon2_queue{state="waiting"} 0');
    for (const line of ['{state="idle"} 4', '{state="busy"} 6', '{state="waiting"} 1'])
      expect(text).toContain(`latchkey_database_pool${line}`);
  });

  test('show the lag of the event loop and the memory of the process', async () => {
    const text = await createMetrics().text();
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds [\d.e-]+$/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  });
});

describe('the metrics listener', () => {
  test('answers GET /metrics in the Prometheus format', async () => {
    const ask = await open(createMetrics());
    const { status, type, text } = await ask();
    expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain('# TYPE latchkey_sign_ins_total counter');
  });

  test.each([
    ['/', 'GET'],
    ['/metrics', 'POST'],
    ['/metrics/', 'GET'],
    ['/livez', 'GET'],
  ])('has nothing at %s for %s', async (path, method) => {
    const ask = await open(createMetrics());
    expect((await ask(path, method)).status).toBe(404);
  });

  test('asks to retry when a worker died during the request', async () => {
    const ask = await open({
      contentType: 'text/plain',
      text: () => Promise.reject(new Error('Operation timed out.')),
    });
    expect(await ask()).toMatchObject({ status: 503, text: '' });
  });
});
