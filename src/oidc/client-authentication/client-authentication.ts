import type { Middleware } from 'koa';
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type AuditLog, byVisitor } from '#audit/module.ts';
import type { Database } from '#kernel/database.ts';
import { type State, visitorOf } from '#kernel/http/context.ts';
import { refusalNotedFor } from '#kernel/http/request-log.ts';
import { retryAfter } from '#kernel/http/problem.ts';
import type { Attempt, ClientFailures } from './client-failures.ts';
import { clientAuthenticationFailed } from '../events.ts';

export type AuthenticationDependencies = {
  failures: Pick<ClientFailures, 'begin'>;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
};

/** Where clients prove who they are. */
const endpoints: ReadonlySet<string> = new Set([
  'token',
  'introspection',
  'revocation',
  'pushed_authorization_request',
  'device_authorization',
]);

/** Where an answer is for programs, whatever the request accepts. */
export const authenticatingPaths: ReadonlySet<string> = new Set([
  '/oidc/token',
  '/oidc/userinfo',
  '/oidc/introspect',
  '/oidc/revoke',
  '/oidc/par',
  '/oidc/device/auth',
]);

/** RFC 6585 §4. No code of RFC 6749 §5.2 says so; the closest is what its §4.1.2.1 has for a server that refuses for a while. */
class TooManyFailures extends errors.OIDCProviderError {
  override error_description = 'too many failed attempts to authenticate this client from this address';

  constructor() {
    super(429, 'temporarily_unavailable');
  }
}

type Tried = { attempt: Attempt; clientId: string | null };
const tried = new WeakMap<object, Tried>();
const ofThisProcess = new WeakSet<object>();

/**
 * A question of this process to the engine: no client authenticates in it, so no try is counted. The rules of introspection apply to what is
 * found in it.
 */
export function askWithoutClient(): KoaContextWithOIDC {
  const request = { req: {}, res: {}, headers: {}, state: {}, oidc: { route: 'introspection', params: {} } };
  ofThisProcess.add(request);
  return request as unknown as KoaContextWithOIDC;
}

/** Asks, when an endpoint has learnt which client the caller claims to be, whether another try is allowed. */
export async function requireAnotherTry(
  ctx: KoaContextWithOIDC,
  { clientId, client }: { clientId: string; client: Client | undefined },
  { failures }: AuthenticationDependencies,
): Promise<void> {
  // The first client that such an endpoint looks for is the one that calls.
  if (!endpoints.has(ctx.oidc.route) || tried.has(ctx) || ofThisProcess.has(ctx)) return;
  // A public client proves nothing, so there is nothing to guess; many users may share its id and their address.
  if (client?.clientAuthMethod === 'none') return;
  const known = client ? clientId : null;
  const outcome = await failures.begin(known, (ctx.state as State).ip);
  if ('retryAfter' in outcome) {
    ctx.set(retryAfter(outcome.retryAfter));
    throw new TooManyFailures();
  }
  tried.set(ctx, { attempt: outcome.attempt, clientId: known });
}

/** Around the engine: counts how the try ended. At these endpoints 401 means that the client is not who it claims to be. */
export function settleClientAuthentication(deps: AuthenticationDependencies): Middleware {
  return async function settleClientAuthentication(ctx, next) {
    // RFC 6749 §5.2: what these endpoints answer is for programs, also where the request says that it is a browser.
    if (authenticatingPaths.has(ctx.path) && ctx.accepts('json', 'html') === 'html')
      ctx.req.headers.accept = 'application/json';
    try {
      await next();
    } finally {
      const open = tried.get(ctx);
      if (open) {
        const isProven = ctx.status !== 401;
        await open.attempt.settle(isProven);
        if (!isProven && open.clientId !== null) await note(deps, ctx as unknown as KoaContextWithOIDC, open.clientId);
      }
    }
  };
}

async function note(
  { database, audit }: AuthenticationDependencies,
  ctx: KoaContextWithOIDC,
  clientId: string,
): Promise<void> {
  await database.transaction((em) =>
    audit.record(
      em,
      clientAuthenticationFailed({
        ...byVisitor(visitorOf(ctx), clientId),
        subject: { type: 'client', id: clientId },
        outcome: 'failure',
        details: { endpoint: ctx.oidc.route, reason: refusalNotedFor(ctx)?.reason },
      }),
    ),
  );
}
