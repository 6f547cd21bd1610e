import type { Middleware } from 'koa';
import { HYBRID_RESPONSE } from '#applications/clients/module.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Policies } from '#settings/module.ts';
import { organizationClaimNames } from './organizations/organization-claims.ts';
import { keySetCaching } from './keys/module.ts';

/**
 * Long enough to spare relying parties most look-ups, short enough that a policy changed by the operator is known soon
 * (OpenID Connect Discovery §4).
 */
const DISCOVERY = 'public, max-age=300';

export type HybridClients = { hasHybrid(): Promise<boolean> };

type Ready = { body: Buffer; type: string; etag: string };

/**
 * The metadata of the provider (OpenID Connect Discovery §4, RFC 8414 §3: one document at both addresses) and its keys (RFC 7517
 * §5): the same for everybody until keys or policies change. The engine writes each once; after that it is served
 * ready-made, to any origin, with its caching (RFC 9111) and an entity tag (RFC 9110 §8.8.3). The metadata name the response type of
 * FAPI 1.0 Advanced while some client has it.
 */
export function constantDocuments(policies: Policies<'oidc'>, clients: HybridClients): Middleware {
  const caching: Readonly<Record<string, string>> = {
    '/.well-known/openid-configuration': DISCOVERY,
    '/.well-known/oauth-authorization-server': DISCOVERY,
    '/oidc/jwks': keySetCaching(policies),
  };
  const ready = new Map<string, Record<'whole' | 'withoutHybrid', Ready>>();
  let hasHybrid = false;
  return async function constantDocuments(ctx, next) {
    const { path } = ctx;
    const kept = caching[path];
    if (kept === undefined || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    let documents = ready.get(path);
    if (documents === undefined) {
      await next();
      if (ctx.status !== 200) return;
      const type = ctx.response.get('Content-Type');
      if (kept === DISCOVERY) nameOrganizationClaims(ctx.body as Metadata);
      documents = { whole: written(ctx.body, type), withoutHybrid: written(withoutHybrid(ctx.body as Metadata), type) };
      ready.set(path, documents);
    }
    // While the database is away, the last answer stands.
    if (kept === DISCOVERY) hasHybrid = await clients.hasHybrid().catch(() => hasHybrid);
    const document = documents[hasHybrid ? 'whole' : 'withoutHybrid'];
    ctx.status = 200;
    ctx.body = document.body;
    ctx.type = document.type;
    ctx.set('Access-Control-Allow-Origin', '*');
    ctx.set('Cache-Control', kept);
    ctx.set('ETag', document.etag);
    if (isKnown(document.etag, ctx.get('If-None-Match'))) ctx.status = 304;
  };
}

/** They cannot be asked for one by one, so that the engine does not know them. */
function nameOrganizationClaims(document: Metadata): void {
  Object.assign(document, { claims_supported: [...(document.claims_supported ?? []), ...organizationClaimNames] });
}

function written(document: unknown, type: string): Ready {
  const body = Buffer.from(JSON.stringify(document, omitEmpty));
  return { body, type, etag: `"${sha256(body).toString('base64url')}"` };
}

type Metadata = Readonly<Record<string, unknown>> & {
  claims_supported?: readonly string[];
  response_types_supported?: readonly string[];
  grant_types_supported?: readonly string[];
};

/** The engine knows one response type more than `code` for the sake of single clients; no other client may use it. */
function withoutHybrid(document: Metadata): Metadata {
  const { response_types_supported: responses, grant_types_supported: grants } = document;
  if (!responses?.includes(HYBRID_RESPONSE) || responses.length > 2) return document;
  return {
    ...document,
    response_types_supported: responses.filter((type) => type !== HYBRID_RESPONSE),
    grant_types_supported: (grants ?? []).filter((grant) => grant !== 'implicit'),
  };
}

/** RFC 9110 §13.1.2: by weak comparison, whatever else the request says about caches, which is not for the origin. */
const isKnown = (etag: string, asked: string): boolean =>
  asked.split(',').some((tag) => [etag, '*'].includes(tag.trim().replace(/^W\//, '')));

/** RFC 8414 §3.2: members without any value must be left out. */
const omitEmpty = (_member: string, value: unknown): unknown =>
  Array.isArray(value) && value.length === 0 ? undefined : value;
