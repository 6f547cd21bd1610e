/**
 * The edge: what stands between the socket and the features, in order. Everything that follows may rely on `ctx.state`, on
 * headers that are set, on errors that are caught, and on a request that is for us and well-formed.
 */
import type { RequestListener } from 'node:http';
import Koa from 'koa';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { KeyRing } from '../crypto.ts';
import { basePathOf } from '../issuer.ts';
import type { Log } from '../log.ts';
import type { Tracing } from '../tracing.ts';
import type { Renderer } from '../views.ts';
import { createAddressResolver, type AddressResolver } from './client-address.ts';
import { createClientCertificates } from './client-certificate.ts';
import { type Context, openContext, type Middleware, type State } from './context.ts';
import { createCsrf } from './csrf.ts';
import { answerDirectly, type DirectCalls } from './direct-calls.ts';
import { errorBoundary } from './error-boundary.ts';
import { createMounts, type Mount } from './mounts.ts';
import { pinOrigin } from './origin.ts';
import { createOwnTargets } from './own-target.ts';
import { createReadyMade } from './ready-made.ts';
import { createRefusals } from './refusal.ts';
import { requestGuard } from './request-guard.ts';
import { type Route, type Router, routesOf, routeTree } from './router.ts';
import { requestLog, type AnsweredRequest } from './request-log.ts';
import { securityHeaders } from './security-headers.ts';

type EdgeDependencies = {
  config: Pick<Config, 'issuerUrl' | 'issuerAliases' | 'trustedProxies' | 'clientCertHeader'>;
  log: Log;
  clock: Clock;
  keyRing: Pick<KeyRing, 'deriveKeys' | 'seal' | 'open'>;
  renderer: Renderer;
  mounts: readonly Mount[];
  observe?: ((request: AnsweredRequest) => void) | undefined;
  tracing?: Tracing | undefined;
};

export type Edge = Koa<State, { params: Readonly<Record<string, string>> }> & {
  /** Forgets constant documents: to be called when something that they say has changed. */
  forgetReady(): void;
  /** Answers the addresses of these; what is not there is left out. */
  mount(routers: readonly (Router<State> | undefined)[]): void;
  /** Answers these calls before the middleware. */
  answerDirectly(calls: DirectCalls): void;
  /** The mounted routes. */
  readonly routes: readonly Route[];
};

/** A Koa application that has its edge; the features are its next middleware. */
export function createEdge({
  config,
  log,
  clock,
  keyRing,
  renderer,
  mounts: list,
  observe,
  tracing,
}: EdgeDependencies): Edge {
  const app: Koa<State, { params: Readonly<Record<string, string>> }> = new Koa();
  const basePath = basePathOf(config.issuerUrl);
  const readyMade = createReadyMade(config.issuerUrl, observe);
  const targets = createOwnTargets(config, list);
  const mounts = createMounts(list);
  const csrf = createCsrf({ issuer: config.issuerUrl, keyRing });
  const refusals = createRefusals({ issuer: config.issuerUrl, keyRing, clock });
  const addresses = createAddressResolver(config.trustedProxies);
  const certificates = createClientCertificates({ header: config.clientCertHeader, addresses });
  pinOrigin(app, config.issuerUrl);
  // An error in Koa's own handler was thrown outside of the boundary, while a response was being written.
  app.on('error', (error: unknown) => log[isHangUp(error) ? 'debug' : 'error']({ err: error }, 'answer not written'));
  app.use(openContext({ config, targets, log, addresses, certificates, csrf, refusals, mounts, renderer }));
  if (tracing) app.use(traceRequest(tracing, addresses));
  app.use(requestLog(log, clock, observe));
  app.use(readyMade.keep);
  if (basePath !== '') app.use(leadBelow(basePath));
  app.use(securityHeaders(config));
  app.use(leaveEmptyUntyped);
  app.use(errorBoundary(clock));
  app.use(requestGuard(config, mounts));
  const callback = app.callback.bind(app);
  let calls: DirectCalls = { find: () => undefined };
  const listener = (): RequestListener => {
    const handle = callback();
    const direct = answerDirectly({ config, log, addresses, mounts, observe }, calls);
    return readyMade.wrap(direct((req, res) => void handle(req, res)));
  };
  const prepare: Edge['answerDirectly'] = (given) => {
    // A trace has a span for each request, and a path of the issuer is taken off by the middleware.
    if (!tracing && basePath === '') calls = given;
  };
  const routes: Route[] = [];
  const mount: Edge['mount'] = (routers) => {
    const given = routers.filter((router) => router !== undefined);
    app.use(routeTree(given));
    routes.push(...given.flatMap(routesOf));
  };
  return Object.assign(app, {
    callback: listener,
    forgetReady: readyMade.forget,
    mount,
    answerDirectly: prepare,
    routes,
  });
}

/** Nothing has no type (RFC 9110 §8.3): libraries read a body by its type, and fail over one that is announced and empty. */
async function leaveEmptyUntyped(ctx: Context, next: () => Promise<unknown>): Promise<void> {
  await next();
  if (ctx.length === 0) ctx.remove('Content-Type');
}

/**
 * Puts the path of the issuer before each path of ours in `Location`, whether a route, an error or the engine wrote it. The engine
 * learns as from `koa-mount` where it is mounted.
 */
function leadBelow(basePath: string): Middleware {
  return async function leadBelow(ctx, next) {
    Object.assign(ctx, { mountPath: basePath });
    await next();
    const location = ctx.res.getHeader('Location');
    if (typeof location === 'string' && location.startsWith('/')) ctx.set('Location', `${basePath}${location}`);
  };
}

function traceRequest(tracing: Tracing, addresses: AddressResolver): Middleware {
  return function traceRequest(ctx, next) {
    const { method, req, state } = ctx;
    const given = addresses.isTrusted(req.socket.remoteAddress) ? req.headers['traceparent'] : undefined;
    const traceparent = typeof given === 'string' ? given : undefined;
    return tracing.request(
      { method, route: state.mount?.path ?? 'none', requestId: state.requestId, traceparent },
      async () => {
        await next();
        return ctx.status;
      },
    );
  };
}

function isHangUp(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(String(error.code))
  );
}
