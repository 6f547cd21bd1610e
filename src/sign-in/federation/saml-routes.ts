import { type By, byVisitor, system } from '#audit/module.ts';
import { readBody, readForm } from '#kernel/http/body.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { noteRefusal } from '#kernel/http/request-log.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { Router } from '#kernel/http/router.ts';
import { show } from '#kernel/views.ts';
import { forward } from '#oidc/pages/forward-page.ts';
import type { Arrivals } from './arrivals.ts';
import type { Attempts } from './attempts.ts';
import { landingView } from './landing-view.ts';
import { LARGEST_SAML_FORM } from './limits.ts';
import { stopView } from './stop-view.ts';
import type { UpstreamSessions } from './upstream-sessions.ts';
import type { UpstreamSignOut } from './upstream-sign-out.ts';

/** This instance as a service provider of SAML. */
type SamlServiceProvider = {
  /** The document; null where there is no such connection. */
  metadata(connection: string): Promise<string | null>;
  /** An answer without a request. It signs no user in; null where the connection takes none. */
  unsolicited(
    connection: string,
    response: string,
  ): Promise<
    | { kind: 'landed'; provider: string; name: string; client: string | null }
    | { kind: 'refused'; reason: string }
    | null
  >;
  /** The sessions that a signed request of the provider ends, and what it is told then. */
  logoutRequest(
    connection: string,
    received: Received,
    formState: string | null,
    by: By,
  ): Promise<
    | {
        kind: 'ended';
        issuer: string;
        subject: string | null;
        names: readonly string[] | null;
        answer(isPartial: boolean): Promise<{ location: string; form: Readonly<Record<string, string>> | null } | null>;
        envelope(isPartial: boolean): Promise<string>;
      }
    | { kind: 'refused'; reason: string }
    | null
  >;
  /** The envelope that tells a program of a refusal, and nothing else. */
  refusal(): string;
  /** Reads the answer to a sign-out that began here with this state. */
  logoutAnswer(
    connection: string,
    received: Received,
    state: string,
  ): Promise<{ kind: 'read' } | { kind: 'refused'; reason: string } | null>;
};

/** The sessions that a provider names. */
type Named = { issuer: string; subject: string | null; names: readonly string[] | null };

type Received =
  | { binding: 'redirect'; query: string }
  | { binding: 'post'; value: string }
  | { binding: 'soap'; body: string };

/** Applications that speak SAML; their slice answers. */
type LeftApplications = {
  /** Whether an application of these sessions, which have ended, can be told by the browser alone. */
  needsBrowser(sessionIds: readonly string[]): Promise<boolean>;
};

export type SamlRouteDependencies = {
  attempts: Attempts;
  arrivals: Pick<Arrivals, 'refuse'>;
  signOut: Pick<UpstreamSignOut, 'next'>;
  sessions: Pick<UpstreamSessions, 'end'>;
  serviceProvider: SamlServiceProvider;
  /** The address at which an application begins a sign-in by this connection; null for one that has none. */
  initiateLogin(clientId: string, connection: string): Promise<string | null>;
  applications: LeftApplications;
};

/** The user that a provider sent, until the browser is at the page with the name. */
const landingPage = formPage<{ provider: string; name: string; client: string | null }>();
const over = { reason: 'over', provider: null, nextUrl: '/account', createUrl: null } as const;

/**
 * The addresses of this instance as a service provider. An answer is a form of another site and comes without our cookies, so it is kept as at
 * the callback of other providers, and read where the cookie is.
 */
export function samlRoutes({
  attempts,
  arrivals,
  sessions,
  signOut,
  serviceProvider,
  initiateLogin,
  applications,
}: SamlRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get('/saml/:connection/metadata', showMetadata);
  router.get('/saml/:connection/request', postRequest);
  router.post('/saml/:connection/acs', keepAnswer);
  router.get('/saml/:connection/landing', showLanding);
  router.get('/saml/:connection/slo', logOutByRedirect);
  router.post('/saml/:connection/slo', logOutByForm);

  async function showMetadata(ctx: Context): Promise<void> {
    const document = await serviceProvider.metadata(slugOf(ctx));
    if (document === null) return showOver(ctx);
    ctx.set('Content-Type', 'application/samlmetadata+xml; charset=utf-8');
    ctx.body = document;
  }

  /** A provider that takes requests by POST gets them from a page of ours. */
  async function postRequest(ctx: Context): Promise<void> {
    const post = await attempts.formOf(slugOf(ctx), ctx.query['state']);
    if (post === null) return showOver(ctx);
    forward(ctx, post);
  }

  async function keepAnswer(ctx: Context): Promise<void> {
    const fields = await readForm(ctx, LARGEST_SAML_FORM);
    const response = fields.get('SAMLResponse');
    // SAML Bindings §3.5.4: a form holds one message.
    if (response === undefined || fields.has('SAMLRequest')) return showOver(ctx);
    const connection = slugOf(ctx);
    const answer = new URLSearchParams({ state: fields.get('RelayState') ?? '', SAMLResponse: response });
    const page = await attempts.keep(connection, answer);
    if (page !== null) return seeOther(ctx, page);
    const landing = await serviceProvider.unsolicited(connection, response);
    if (landing?.kind === 'landed') {
      const { provider, name, client } = landing;
      return landingPage.refuse(ctx, `/saml/${connection}/landing`, { provider, name, client });
    }
    if (landing !== null) await arrivals.refuse(landing.reason, connection, byVisitor(visitorOf(ctx)));
    showOver(ctx);
  }

  /** The authorization request that follows names the connection, so that the provider is asked without another page. */
  async function showLanding(ctx: Context): Promise<void> {
    const { provider, name, client = null } = landingPage.refused(ctx);
    if (provider === undefined || name === undefined) return showOver(ctx);
    const connection = slugOf(ctx);
    const application = client === null ? null : await initiateLogin(client, connection);
    const nextUrl = application ?? `/account?${new URLSearchParams({ connection }).toString()}`;
    show(ctx, 200, landingView, { provider, name, nextUrl });
  }

  async function logOutByRedirect(ctx: Context): Promise<void> {
    const received = { binding: 'redirect', query: ctx.querystring } as const;
    if ('SAMLResponse' in ctx.query) return goOn(ctx, received, ctx.query['RelayState']);
    return logOut(ctx, received, null);
  }

  async function logOutByForm(ctx: Context): Promise<void> {
    if (ctx.is('text/xml', 'application/xml')) return logOutByEnvelope(ctx);
    const fields = await readForm(ctx, LARGEST_SAML_FORM);
    const [request, response, state = null] = ['SAMLRequest', 'SAMLResponse', 'RelayState'].map((name) =>
      fields.get(name),
    );
    if (request !== undefined && response !== undefined) return showOver(ctx);
    if (response !== undefined) return goOn(ctx, { binding: 'post', value: response }, state);
    return logOut(ctx, { binding: 'post', value: request ?? '' }, state);
  }

  /** SAML Profiles §4.4: the sessions that began with this one end, and no others; the provider is told, where it wants to know. */
  async function logOut(ctx: Context, received: Received, formState: string | null): Promise<void> {
    const connection = slugOf(ctx);
    const by = byVisitor(visitorOf(ctx));
    const read = await serviceProvider.logoutRequest(connection, received, formState, by);
    if (read?.kind !== 'ended') {
      noteRefusal(ctx, { reason: `logout request for ${connection}: ${read?.reason ?? 'no connection'}` });
      return showOver(ctx);
    }
    const away = await read.answer(await end(connection, read));
    if (away === null) return seeOther(ctx, SIGNED_OUT);
    if (away.form === null) return seeOther(ctx, away.location, [away.location]);
    forward(ctx, { action: away.location, fields: away.form });
  }

  /** The back channel (SAML Bindings §3.2): no browser comes along, so applications that need one are not told. */
  async function logOutByEnvelope(ctx: Context): Promise<void> {
    const connection = slugOf(ctx);
    const body = (await readBody(ctx, LARGEST_SAML_FORM)).toString('utf8');
    const by = byVisitor(visitorOf(ctx));
    const read = await serviceProvider.logoutRequest(connection, { binding: 'soap', body }, null, by);
    if (read?.kind !== 'ended')
      noteRefusal(ctx, { reason: `logout request for ${connection}: ${read?.reason ?? 'no connection'}` });
    ctx.set('Cache-Control', 'no-store');
    ctx.status = read?.kind === 'ended' ? 200 : 500;
    ctx.type = 'text/xml; charset=utf-8';
    ctx.body = read?.kind === 'ended' ? await read.envelope(await end(connection, read)) : serviceProvider.refusal();
  }

  /** Whether some application was not told. */
  async function end(connection: string, { issuer, subject, names }: Named): Promise<boolean> {
    return applications.needsBrowser(await sessions.end({ connection, issuer, subject, names }, system));
  }

  /** A browser is back from the sign-out at the provider, which began with a sign-out here. */
  async function goOn(ctx: Context, received: Received, state: unknown): Promise<void> {
    const connection = slugOf(ctx);
    const next = signOut.next(connection, state);
    const read = next === null ? null : await serviceProvider.logoutAnswer(connection, received, state as string);
    if (next !== null && read?.kind === 'read') return seeOther(ctx, next, [next]);
    noteRefusal(ctx, {
      reason: `logout answer for ${connection}: ${read?.kind === 'refused' ? read.reason : 'no sign-out'}`,
    });
    seeOther(ctx, SIGNED_OUT);
  }

  return router;
}

/** The page that says that the user is signed out. */
const SIGNED_OUT = '/oidc/logout/success';

const slugOf = (ctx: Context): string => ctx.params['connection'] ?? '';
const showOver = (ctx: Context): void => show(ctx, 410, stopView, over);
