import compose from 'koa-compose';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Context } from '#kernel/http/context.ts';
import { noteRefusalAt } from './refusals.ts';
import { API_ROUTE } from './authority/grant-worth.ts';
import type { Origin } from './authority/origin.ts';
import type { Engine } from './engine.ts';
import {
  currentRequest,
  getSetWWWAuthenticateHeader,
  getValidateAccessToken,
  loadAccessTokenClient,
  loadAccessTokenGrant,
} from './patches/inner-parts.ts';
import type { RecentChecks } from './recent-checks.ts';

/** The present authority of an access token in this request. */
export type ShownToken = {
  clientId: string;
  /** Null where a client acts for itself. */
  accountId: string | null;
  /** The session of the user in which it was issued; null where none is known. */
  sessionId: string | null;
  /** The organization that it is for; it is good for nothing in another one. */
  organizationId: string | null;
  /** The part of its scope that is allowed now. */
  scopes: ReadonlySet<string>;
  /** The scheme of the token; a token that is bound to a key is invalid as a bearer token. */
  scheme: 'Bearer' | 'DPoP';
};

export type TokenCheck =
  | ({ kind: 'valid' } & ShownToken)
  /** `error` is a code of RFC 6750 §3.1 or RFC 9449; the header WWW-Authenticate is set. */
  | { kind: 'refused'; status: 400 | 401; error: string; description: string }
  /** The request has no header Authorization. The header WWW-Authenticate is set. */
  | { kind: 'absent' };

/** `bearerUntil`: when a token that is bound to no key expires, in seconds since the epoch. */
type Looked = { check: TokenCheck; bearerUntil: number | null };

/** Checks access tokens that are shown to an API of this process, by the code of the engine and of introspection. */
export class AccessTokens {
  readonly #engine: () => Engine;
  readonly #recent: RecentChecks<TokenCheck>;

  constructor(engine: () => Engine, recent: RecentChecks<TokenCheck>) {
    this.#engine = engine;
    this.#recent = recent;
  }

  /**
   * Looks at the header Authorization alone (RFC 6750 §2.1). A token is valid for exactly this audience; it is refused when it is
   * expired or revoked, its session is over, its grant, client, API or user is gone, or its key is not proved.
   */
  async check(ctx: Context, audience: string): Promise<TokenCheck> {
    const { authorization, dpop } = ctx.headers;
    // A token that also comes otherwise is refused.
    const isPlain = dpop === undefined && ctx.query['access_token'] === undefined;
    const known = isPlain ? this.known(authorization, audience) : undefined;
    if (known) return known;
    const key = keyOf(authorization, audience);
    const mark = this.#recent.mark();
    const found = await this.#look(ctx, audience);
    // A token that is bound to a key needs its proof in each request.
    if (found.check.kind === 'valid' && found.bearerUntil !== null)
      this.#recent.keep(key, found.check, found.bearerUntil, mark);
    return found.check;
  }

  /** The answer for a bearer token that was found valid a moment ago. Nothing else in the request may show a token or a proof. */
  known(authorization: string | undefined, audience: string): TokenCheck | undefined {
    return this.#recent.find(keyOf(authorization, audience));
  }

  async #look(ctx: Context, audience: string): Promise<Looked> {
    const engine = this.#engine();
    const request = ctx as unknown as KoaContextWithOIDC;
    // No endpoint of the engine has the address of this request, which a proof of a key must name (RFC 9449 §4.3).
    const oidc = Object.assign(new engine.OIDCContext(request), {
      route: API_ROUTE,
      urlFor: () => ctx.state.calledUrl,
    });
    Object.defineProperty(ctx, 'oidc', { configurable: true, value: oidc });
    try {
      await currentRequest.run(request, () => checks(audience)(request as never, async () => undefined));
      return { check: shownToken(request), bearerUntil: bearerUntil(request) };
    } catch (error) {
      return { check: refusalOf(ctx, error), bearerUntil: null };
    }
  }
}

const keyOf = (authorization: string | undefined, audience: string): string => `${audience} ${authorization}`;

const checks = (audience: string) =>
  compose([
    getSetWWWAuthenticateHeader(),
    getValidateAccessToken(),
    async function requireAudience({ oidc }: KoaContextWithOIDC, next: () => Promise<unknown>) {
      if (oidc.accessToken?.aud !== audience) throw new errors.InvalidToken('the token is for another audience');
      // The engine forgives clocks some seconds, and what it forgives is not judged.
      if (!oidc.accessToken.isValid) throw new errors.InvalidToken('the token has expired');
      return next();
    },
    loadAccessTokenClient,
    async function requireGrant(ctx: KoaContextWithOIDC, next: () => Promise<unknown>) {
      return ctx.oidc.accessToken?.accountId === undefined ? next() : loadAccessTokenGrant(ctx, next);
    },
  ] as never);

function shownToken({ oidc }: KoaContextWithOIDC): TokenCheck {
  const token = oidc.accessToken!;
  const { clientId = '', accountId, sessionUid, scopes, jkt } = token;
  const { origin } = token as { origin?: Origin };
  return {
    kind: 'valid',
    clientId,
    accountId: accountId ?? null,
    sessionId: sessionUid ?? null,
    organizationId: origin?.organization ?? null,
    scopes,
    scheme: jkt ? 'DPoP' : 'Bearer',
  };
}

function bearerUntil({ oidc }: KoaContextWithOIDC): number | null {
  const { jkt, exp, 'x5t#S256': certificate } = oidc.accessToken as { jkt?: string; exp?: number; 'x5t#S256'?: string };
  return jkt === undefined && certificate === undefined && exp !== undefined ? exp : null;
}

function refusalOf(ctx: Context, error: unknown): TokenCheck {
  if (!(error instanceof errors.OIDCProviderError) || error.statusCode >= 500) throw error;
  if (error.error_detail !== undefined)
    noteRefusalAt(ctx as unknown as KoaContextWithOIDC, error.error_detail, error.error);
  if (ctx.headers.authorization === undefined && error.error === 'invalid_token') return { kind: 'absent' };
  const { error: code, error_description: description = code } = error;
  return { kind: 'refused', status: error.statusCode === 400 ? 400 : 401, error: code, description };
}
