/**
 * OpenTelemetry traces: a span a request, and below it one a statement. The SDK is loaded only when a collector is
 * configured; without one nothing of it is in memory.
 */
import type { Span, SpanContext } from '@opentelemetry/api';
import type { Pool, PoolClient } from 'pg';
import type { Config } from './config.ts';

type TracedRequest = {
  method: string;
  /** Group of routes; the path itself would make a name of every id. */
  route: string;
  requestId: string;
  /** `traceparent` of a trusted proxy (W3C Trace Context §3.2); undefined from other clients. */
  traceparent: string | undefined;
};

export type Tracing = {
  /** Runs `answer` inside a span; `answer` gives the status. */
  request(request: TracedRequest, answer: () => Promise<number>): Promise<void>;
  watchQueries(pool: Pick<Pool, 'on'> | null): void;
  /** Sends what is still here; waits two seconds at most for a collector that does not answer. */
  close(): Promise<void>;
};

/** Milliseconds that a stop waits for the last traces. */
const FLUSH_TIMEOUT = 2000;

/** Starts OpenTelemetry tracing with an OTLP exporter; undefined without a collector. */
export async function openTracing({ otelEndpoint }: Pick<Config, 'otelEndpoint'>): Promise<Tracing | undefined> {
  if (otelEndpoint === undefined) return undefined;
  const [
    { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace },
    sdk,
    { OTLPTraceExporter },
    { AsyncLocalStorageContextManager },
    { resourceFromAttributes },
  ] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/resources'),
  ]);
  // OTLP/HTTP: the configured address is the base, traces go to /v1/traces below it.
  const exporter = new OTLPTraceExporter({ url: `${otelEndpoint.replace(/\/$/, '')}/v1/traces` });
  const processor = new sdk.BatchSpanProcessor({ exporter, scheduledDelayMillis: 1000 });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'latchkey', 'process.pid': process.pid }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    spanProcessors: [processor],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const tracer = provider.getTracer('latchkey');

  function end(span: Span, error: unknown): void {
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }

  return {
    async request({ method, route, requestId, traceparent }, answer) {
      const remote = readTraceparent(traceparent);
      const parent = remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT;
      const attributes = { 'http.request.method': method, 'http.route': route, 'latchkey.request_id': requestId };
      const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent);
      try {
        const status = await context.with(trace.setSpan(parent, span), answer);
        span.setAttribute('http.response.status_code', status);
        end(span, status >= 500 ? status : undefined);
      } catch (error) {
        end(span, error);
        throw error;
      }
    },

    watchQueries(pool) {
      pool?.on('connect', (client) => {
        spanQueries(client, (text) => {
          // Statements outside a request (jobs, probes) would be traces of one span each.
          if (trace.getSpan(context.active()) === undefined) return undefined;
          const attributes = { 'db.system.name': 'postgresql', 'db.query.text': text.replaceAll(literals, "'…'") };
          const span = tracer.startSpan(text.trimStart().split(/\s/, 1)[0]!.toUpperCase(), {
            kind: SpanKind.CLIENT,
            attributes,
          });
          return (error) => end(span, error);
        });
      });
    },

    async close() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, FLUSH_TIMEOUT);
      });
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
      context.disable();
    },
  };
}

function readTraceparent(header: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(header ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

/** The mapper writes parameters into its statements. */
const literals = /'(?:[^']|'')*'/g;

type Ended = (error: unknown) => void;
type Query = (...args: unknown[]) => unknown;

/** Every statement of the pool, the mapper's too, goes through its connection's `query`, by promise or by callback. */
function spanQueries(client: PoolClient, begin: (text: string) => Ended | undefined): void {
  const query = client.query.bind(client) as Query;
  const traced: Query = (...args) => {
    const [first] = args;
    const text = typeof first === 'string' ? first : isConfig(first) ? first.text : undefined;
    const ended = text === undefined ? undefined : begin(text);
    if (!ended) return query(...args);
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      return query(...args.slice(0, -1), (error: unknown, result: unknown) => {
        ended(error ?? undefined);
        callback(error, result);
      });
    }
    const result = query(...args) as Promise<unknown>;
    result.then(() => ended(undefined), ended);
    return result;
  };
  client.query = traced as typeof client.query;
}

/** A query in parts; an object that submits itself (a cursor) also has a text and is left alone. */
function isConfig(value: unknown): value is { text: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'text' in value &&
    typeof value.text === 'string' &&
    !('submit' in value)
  );
}
