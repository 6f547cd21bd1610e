/**
 * Figures for Prometheus, on a listener of their own: who watches is not who signs in. Labels are closed sets (a mount, a
 * status, an outcome), never anything that a request could invent.
 */
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Config } from './config.ts';
import { listen } from './http/listener.ts';
import { retryAfter } from './http/problem.ts';

export type MetricsSource = { readonly contentType: string; text(): Promise<string> };

/** The usage of a bounded resource, read at each scrape. */
export type Level = Readonly<Record<string, () => number>>;

export type Metrics = MetricsSource & {
  observeRequest(request: {
    mount: { path: string } | undefined;
    method: string;
    status: number;
    seconds: number;
  }): void;
  countSignIn(outcome: string): void;
  countToken(grant: string): void;
  /** A new password compared with known breaches. */
  countBreachCheck(outcome: string): void;
  /** argon2 work by state: `{ waiting: () => 3, running: () => 2 }`. */
  watchHashing(level: Level): void;
  /** Connections to PostgreSQL by state: idle, busy, waiting. */
  watchDatabasePool(pool: { totalCount: number; idleCount: number; waitingCount: number } | null): void;
};

/** Seconds: a token takes a few milliseconds, a password a few hundred. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Labels that are known before anything happens: their series begin at zero, so that the first event is an increase. */
export type KnownLabels = Readonly<Partial<Record<'signIns' | 'tokens' | 'breachChecks', readonly string[]>>>;

/** Creates the Prometheus metrics. `known` are label values whose series start at zero. */
export function createMetrics(known: KnownLabels = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'latchkey_http_request_duration_seconds',
    help: 'Time to answer, by group of routes, method and status.',
    labelNames: ['route', 'method', 'status'] as const,
    buckets: DURATION_BUCKETS,
    registers,
  });
  const signIns = new Counter({
    name: 'latchkey_sign_ins_total',
    help: 'Sign-in attempts by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  });
  const tokens = new Counter({
    name: 'latchkey_tokens_total',
    help: 'Token responses by grant type.',
    labelNames: ['grant'] as const,
    registers,
  });
  const breachChecks = new Counter({
    name: 'latchkey_breach_checks_total',
    help: 'New passwords compared with known breaches, by outcome; failed and skipped ones were compared with the local list only.',
    labelNames: ['outcome'] as const,
    registers,
  });
  requests.zero({ route: 'none', method: 'other', status: 404 });
  for (const outcome of known.signIns ?? []) signIns.inc({ outcome }, 0);
  for (const grant of known.tokens ?? []) tokens.inc({ grant }, 0);
  for (const outcome of known.breachChecks ?? []) breachChecks.inc({ outcome }, 0);
  if (cluster.isWorker) answerSupervisor(registry);

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    observeRequest({ mount, method, status, seconds }) {
      requests.observe(
        { route: mount?.path ?? 'none', method: knownMethods.has(method) ? method : 'other', status },
        seconds,
      );
    },
    countSignIn: (outcome) => signIns.inc({ outcome }),
    countToken: (grant) => tokens.inc({ grant }),
    countBreachCheck: (outcome) => breachChecks.inc({ outcome }),
    watchHashing: (level) => watch(registry, 'latchkey_argon2_queue', 'Password hashes by state.', level),
    watchDatabasePool(pool) {
      if (pool === null) return;
      watch(
        registry,
        'latchkey_database_pool',
        'Connections to PostgreSQL by state; waiting are callers without one.',
        {
          idle: () => pool.idleCount,
          busy: () => pool.totalCount - pool.idleCount,
          waiting: () => pool.waitingCount,
        },
      );
    },
  };
}

const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function watch(registry: Registry, name: string, help: string, level: Level): void {
  const gauge: Gauge<'state'> = new Gauge({
    name,
    help,
    labelNames: ['state'] as const,
    registers: [registry],
    collect() {
      for (const [state, read] of Object.entries(level)) this.set({ state }, read());
    },
  });
  gauge.reset();
}

/** The supervisor asks each worker for its metrics and adds them up. */
function answerSupervisor(registry: Registry): void {
  AggregatorRegistry.setRegistries([registry]);
  void new AggregatorRegistry();
}

/** The metrics of all workers together; for the supervisor. */
export function workersMetrics(): MetricsSource {
  const aggregator = new AggregatorRegistry();
  return { contentType: aggregator.contentType, text: () => aggregator.clusterMetrics() };
}

export type MetricsListener = { port: number; close(): Promise<void> };

/** `GET /metrics` and nothing else. */
export async function openMetricsListener(
  { metricsPort, host }: { metricsPort: number; host: Config['host'] },
  source: MetricsSource,
): Promise<MetricsListener> {
  const server = createServer((req, res) => {
    if (req.method !== 'GET' || req.url !== '/metrics') {
      res.writeHead(404).end();
      return;
    }
    source.text().then(
      (text) => res.writeHead(200, { 'Content-Type': source.contentType, 'Cache-Control': 'no-store' }).end(text),
      // A worker that is just dying does not answer; the next scrape finds the others.
      () => res.writeHead(503, retryAfter(1)).end(),
    );
  });
  await listen(server, { port: metricsPort, host }, 'METRICS_PORT');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : metricsPort,
    async close() {
      const closed = new Promise((resolve) => void server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
