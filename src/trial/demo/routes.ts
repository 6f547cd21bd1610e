import { Router } from '#kernel/http/router.ts';
import { decodeProtectedHeader } from 'jose';
import { z } from 'zod';
import type { Context, State } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { DemoAddresses } from './demo-client.ts';
import type { DemoFailure, DemoTokens, DemoVisit, DemoVisits } from './demo-visits.ts';
import { failureOf, type RelyingParty } from './relying-party.ts';
import { demoClaims, type DemoResultPage, demoResultView } from './result-view.ts';
import { demoStartView } from './start-view.ts';

type RouteDependencies = {
  issuer: string;
  addresses: DemoAddresses;
  visits: DemoVisits;
  relyingParty: RelyingParty;
  cookie: BrowserCookie;
  mailboxUrl: string | null;
};

/** The buttons of the result page ask for nothing but themselves. */
const buttonForm = form(z.object({}));

const unknownState: DemoFailure = { error: 'unknown_state', description: null };

/** Routes of the demo application: its pages, its callback, and its buttons for refresh, userinfo and sign-out. */
export function demoRoutes({
  issuer,
  addresses,
  visits,
  relyingParty,
  cookie,
  mailboxUrl,
}: RouteDependencies): Router<State> {
  const router = new Router<State>();
  const path = (address: string): string => address.slice(issuer.length);

  router.get('/demo', showDemo);
  router.get('/demo/sign-in', signIn);
  router.get('/demo/callback', finishSignIn);
  router.post('/demo/refresh', refresh);
  router.post('/demo/userinfo', readUserinfo);
  router.post('/demo/sign-out', signOut);

  function showDemo(ctx: Context): void {
    const visit = visits.find(cookie.read(ctx));
    const { failure, news } = visit ?? { failure: null, news: null };
    if (visit) Object.assign(visit, { failure: null, news: null });
    if (visit?.tokens) return show(ctx, 200, demoResultView, resultPage(visit, visit.tokens, news, failure));
    return show(ctx, 200, demoStartView, { signInUrl: path(addresses.signIn), issuer, mailboxUrl, failure });
  }

  async function signIn(ctx: Context): Promise<void> {
    const visit = visits.find(cookie.read(ctx)) ?? openVisit(ctx);
    return attempt(ctx, visit, async () => {
      const { url, state, pending } = await relyingParty.begin();
      visits.begin(visit, state, pending);
      return url;
    });
  }

  async function finishSignIn(ctx: Context): Promise<void> {
    const secret = cookie.read(ctx);
    const found = visits.find(secret);
    const state = String(ctx.query['state'] ?? '');
    const pending = visits.take(found, state);
    if (secret === undefined || found === null || pending === null) {
      (found ?? openVisit(ctx)).failure = unknownState;
      return home(ctx);
    }
    return attempt(ctx, found, async () => {
      const tokens = await relyingParty.finish(ctx.querystring, state, pending);
      Object.assign(found, { tokens, userinfo: null });
      cookie.write(ctx, visits.renew(secret, found));
      // Name and email address are here (OpenID Connect Core §5.4); the ID token contains only the subject.
      found.userinfo = await relyingParty.userinfo(tokens);
    });
  }

  async function refresh(ctx: Context): Promise<void> {
    const [visit, tokens] = await pressed(ctx);
    if (!visit || !tokens?.refreshToken) return home(ctx);
    const { refreshToken } = tokens;
    return attempt(ctx, visit, async () => {
      Object.assign(visit, { tokens: await relyingParty.refresh(tokens, refreshToken), news: 'refreshed' });
    });
  }

  async function readUserinfo(ctx: Context): Promise<void> {
    const [visit, tokens] = await pressed(ctx);
    if (!visit || !tokens) return home(ctx);
    return attempt(ctx, visit, async () => {
      Object.assign(visit, { userinfo: await relyingParty.userinfo(tokens), news: 'userinfo' });
    });
  }

  async function signOut(ctx: Context): Promise<void> {
    const [visit, tokens] = await pressed(ctx);
    if (!visit || !tokens) return home(ctx);
    return attempt(ctx, visit, async () => {
      const url = await relyingParty.signOutUrl(tokens);
      visits.end(cookie.read(ctx) ?? '');
      cookie.clear(ctx);
      return url;
    });
  }

  /** Goes where `work` says, or home, where whatever went wrong is shown. */
  async function attempt(ctx: Context, visit: DemoVisit, work: () => Promise<URL | void>): Promise<void> {
    try {
      const url = await work();
      // The provider's own metadata named it, and this page is the provider's: no request had a say.
      return url ? seeOther(ctx, url.href, [url.href]) : home(ctx);
    } catch (error) {
      const failure = failureOf(error);
      if (failure === null) throw error;
      visit.failure = failure;
      return home(ctx);
    }
  }

  async function pressed(ctx: Context): Promise<readonly [DemoVisit | null, DemoTokens | null]> {
    await buttonForm.read(ctx);
    const visit = visits.find(cookie.read(ctx));
    return [visit, visit?.tokens ?? null];
  }

  function openVisit(ctx: Context): DemoVisit {
    const { secret, visit } = visits.open();
    cookie.write(ctx, secret);
    return visit;
  }

  const home = (ctx: Context): void => seeOther(ctx, path(addresses.home));

  function resultPage(
    { userinfo }: DemoVisit,
    tokens: DemoTokens,
    news: DemoVisit['news'],
    failure: DemoFailure | null,
  ): DemoResultPage {
    const { claims, accessToken } = tokens;
    const textOf = (name: string): string | null => {
      const value = userinfo?.[name] ?? claims[name];
      return typeof value === 'string' ? value : null;
    };
    return {
      person: { subject: claims.sub, name: textOf('name'), email: textOf('email') },
      idToken: {
        raw: tokens.idToken,
        header: demoClaims({ ...decodeProtectedHeader(tokens.idToken) }),
        claims: demoClaims(claims),
      },
      accessToken: {
        raw: accessToken,
        isJwt: accessToken.split('.').length === 3,
        expiresInSeconds: tokens.expiresInSeconds,
        scope: tokens.scope,
      },
      refreshToken: tokens.refreshToken,
      userinfo: userinfo && demoClaims(userinfo),
      news,
      failure,
      refreshUrl: path(addresses.refresh),
      userinfoUrl: path(addresses.userinfo),
      signOutUrl: path(addresses.signOut),
      mailboxUrl,
    };
  }

  return router;
}
