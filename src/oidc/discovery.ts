import type { Middleware } from 'koa';
import { sha256 } from '#kernel/crypto.ts';
import type { Policies } from '#settings/module.ts';
import { keySetCaching } from './keys/module.ts';

/**
 * Long enough to spare relying parties most look-ups, short enough that a policy changed by the operator is known soon
 * (OpenID Connect Discovery §4).
 */
const DISCOVERY = 'public, max-age=300';

type Ready = { body: Buffer; type: string; etag: string };

/**
 * The metadata of the provider (OpenID Connect Discovery §4, RFC 8414 §3: one document at both addresses) and its keys (RFC 7517
 * §5): the same for everybody until keys or policies change. The engine writes each once; after that it is served
 * ready-made, to any origin, with its caching (RFC 9111) and an entity tag (RFC 9110 §8.8.3).
 */
export function constantDocuments(policies: Policies<'oidc'>): Middleware {
  const caching: Readonly<Record<string, string>> = {
    '/.well-known/openid-configuration': DISCOVERY,
    '/.well-known/oauth-authorization-server': DISCOVERY,
    '/oidc/jwks': keySetCaching(policies),
  };
  const ready = new Map<string, Ready>();
  return async function constantDocuments(ctx, next) {
    const { path } = ctx;
    const kept = caching[path];
    if (kept === undefined || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    let document = ready.get(path);
    if (document === undefined) {
      await next();
      if (ctx.status !== 200) return;
      document = written(ctx.body, ctx.response.get('Content-Type'));
      ready.set(path, document);
    }
    ctx.status = 200;
    ctx.body = document.body;
    ctx.type = document.type;
    ctx.set('Access-Control-Allow-Origin', '*');
    ctx.set('Cache-Control', kept);
    ctx.set('ETag', document.etag);
    if (isKnown(document.etag, ctx.get('If-None-Match'))) ctx.status = 304;
  };
}

function written(document: unknown, type: string): Ready {
  const body = Buffer.from(JSON.stringify(document, omitEmpty));
  return { body, type, etag: `"${sha256(body).toString('base64url')}"` };
}

/** RFC 9110 §13.1.2: by weak comparison, whatever else the request says about caches, which is not for the origin. */
const isKnown = (etag: string, asked: string): boolean =>
  asked.split(',').some((tag) => [etag, '*'].includes(tag.trim().replace(/^W\//, '')));

/** RFC 8414 §3.2: members without any value must be left out. */
const omitEmpty = (_member: string, value: unknown): unknown =>
  Array.isArray(value) && value.length === 0 ? undefined : value;
