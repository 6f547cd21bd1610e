import { decodeJwt } from 'jose';
import type { Middleware } from 'koa';
import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import { ownMember } from '#applications/clients/module.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import { noteRefusal } from '#kernel/http/request-log.ts';
import type { FindConsent } from '../authority/authority.ts';
import { findClient } from '../authority/grant-worth.ts';
import type { Engine } from '../engine.ts';
import { subjectFor } from '../pairwise-subject.ts';

const PATH = '/oidc/logout';
/** OpenID Connect RP-Initiated Logout 1.0 §2. */
const names = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state', 'logout_hint', 'ui_locales'] as const;
type Given = Partial<Record<(typeof names)[number], string>>;

/** Requests with a parameter that was ignored. */
const doubtful = new WeakSet<object>();

/**
 * RP-Initiated Logout 1.0 §2, §4: parameters that cannot be validated are ignored. The user wants to leave, so that an error
 * page, which leaves them signed in, is the worst answer: they are asked, signed out, and not redirected.
 */
export function keepValidLogout(engine: () => Engine): Middleware {
  return async function keepValidLogout(ctx, next) {
    if (ctx.path !== PATH || ctx.method !== 'GET') return next();
    const asked = new URLSearchParams(ctx.querystring);
    const { valid, problems } = await validPart(engine(), asked);
    if (problems.length > 0) {
      doubtful.add(ctx);
      noteRefusal(ctx, { reason: `ignored at sign-out: ${problems.join(', ')}` });
    }
    ctx.querystring = new URLSearchParams(valid).toString();
    return next();
  };
}

async function validPart(engine: Engine, asked: URLSearchParams): Promise<{ valid: Given; problems: string[] }> {
  const problems: string[] = names.filter((name) => asked.getAll(name).length > 1);
  const once = names.filter((name) => asked.getAll(name).length === 1 && asked.get(name) !== '');
  const given: Given = Object.fromEntries(once.map((name) => [name, asked.get(name)]));
  const { id_token_hint: hint, client_id: clientId, post_logout_redirect_uri: target } = given;

  const hinted = hint === undefined ? undefined : await findHinted(engine, hint);
  const named = clientId === undefined ? undefined : await findClient(engine, clientId);
  const isContradiction = hinted !== undefined && clientId !== undefined && hinted.clientId !== clientId;
  const client = isContradiction ? undefined : (hinted ?? named);
  if (hint !== undefined && (!hinted || isContradiction)) problems.push('id_token_hint');
  if (clientId !== undefined && (!named || isContradiction)) problems.push('client_id');
  if (target !== undefined && client?.postLogoutRedirectUriAllowed(target) === false)
    problems.push('post_logout_redirect_uri');
  const mayRedirect = client !== undefined && problems.length === 0;
  const isValid = (name: string): boolean =>
    !problems.includes(name) && (mayRedirect || (name !== 'post_logout_redirect_uri' && name !== 'state'));
  return { valid: Object.fromEntries(Object.entries(given).filter(([name]) => isValid(name))), problems };
}

/** The client that an ID token of ours was issued to; undefined for any other text. Its expiry does not count (§2). */
async function findHinted(engine: Engine, hint: string): Promise<Client | undefined> {
  const audience = audienceOf(hint);
  const client = audience === null ? undefined : await findClient(engine, audience);
  if (!client) return undefined;
  const isValid = await engine.IdToken.validate(hint, client).then(
    () => true,
    () => false,
  );
  return isValid ? client : undefined;
}

function audienceOf(hint: string): string | null {
  try {
    const { aud } = decodeJwt(hint);
    return typeof aud === 'string' ? aud : null;
  } catch {
    return null;
  }
}

type Dependencies = { findConsent: FindConsent; keyRing: Pick<KeyRing, 'deriveKey'> };
type Hint = { payload: { sub?: unknown; sid?: unknown } };

/**
 * Whether a sign-out needs no question: the ID token names this very session (its `sub` and `sid`), which no forged request
 * can know (§2: the hint tells that the request is legitimate), and the client is the operator's own, or its member says so.
 */
export async function mayLeaveUnasked(
  ctx: KoaContextWithOIDC,
  { findConsent, keyRing }: Dependencies,
): Promise<boolean> {
  const { client, session, entities } = ctx.oidc;
  const { payload } = (entities['IdTokenHint'] ?? {}) as Partial<Hint>;
  if (!client || !session?.accountId || !payload || doubtful.has(ctx) || isFetchedAhead(ctx)) return false;
  const sid = session.authorizations?.[client.clientId]?.sid;
  if (sid === undefined || payload.sid !== sid || payload.sub !== subjectFor(keyRing, client, session.accountId))
    return false;
  if (ownMember(client, 'sign_out_unasked')) return true;
  // Of a first-party client no consent is asked either.
  return (await findConsent(session.accountId, client.clientId)) === 'everything';
}

/** A browser that fetches a link which the user has not followed yet says so (Fetch §2.2.5, and `Purpose` of older browsers). */
const isFetchedAhead = (ctx: KoaContextWithOIDC): boolean =>
  /prefetch|prerender/i.test(`${ctx.get('Sec-Purpose')} ${ctx.get('Purpose')}`);
