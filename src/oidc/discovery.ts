import type { Middleware } from 'koa';

const paths: ReadonlySet<string> = new Set([
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
]);

/** Long enough to spare us most look-ups, short enough that a policy changed by the operator is known soon (OpenID Connect Discovery §4). */
const KEEP = 'public, max-age=300';

/**
 * The metadata of the provider (OpenID Connect Discovery §4, RFC 8414 §3): one document at both addresses, the same for
 * everybody until keys or policies change. The engine writes it once; after that it is served ready-made, to any origin.
 */
export function readyDiscovery(): Middleware {
  let document: Buffer | undefined;
  return async function readyDiscovery(ctx, next) {
    if (ctx.method !== 'GET' || !paths.has(ctx.path)) return next();
    if (document === undefined) {
      await next();
      if (ctx.status !== 200) return;
      document = Buffer.from(JSON.stringify(ctx.body, omitEmpty));
    }
    ctx.type = 'application/json';
    ctx.set('Access-Control-Allow-Origin', '*');
    ctx.set('Cache-Control', KEEP);
    ctx.body = document;
  };
}

/** RFC 8414 §3.2: members without any value must be left out. */
const omitEmpty = (_member: string, value: unknown): unknown =>
  Array.isArray(value) && value.length === 0 ? undefined : value;
