/**
 * A confidential web application as a customer would write it: openid-client on a loopback port of its own, under a host
 * name that is another site than the provider's.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import type { TestApp, TestClient } from './app.ts';

export type WebApp = {
  /** `http://127.0.0.1:PORT`; below it `/`, `/login` (parameters of the request as its query), `/refresh`, `/logout`. */
  base: string;
  client: TestClient;
  /** Claims of every logout token that came and passed the checks of Back-Channel Logout 1.0 §2.6. */
  notices: JWTPayload[];
  close(): Promise<void>;
};

type Pending = { verifier: string; nonce: string; state: string };
type Session = { pending?: Pending; tokens?: Tokens; sid?: string; email?: string; error?: string };
type Tokens = { access: string; id: string; refresh: string | undefined };

const escaped = (value: unknown): string => String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;');

export async function startWebApp(
  latchkey: TestApp,
  given: Record<string, unknown> = {},
  scope = 'openid email offline_access',
): Promise<WebApp> {
  const sessions = new Map<string, Session>();
  const notices: JWTPayload[] = [];
  const server = createServer();
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = await latchkey.client({
    name: 'Tally',
    redirect_uris: [`${base}/callback`],
    post_logout_redirect_uris: [`${base}/`],
    backchannel_logout_uri: `${base}/backchannel`,
    backchannel_logout_session_required: true,
    ...given,
  });
  const provider = await oidc.discovery(
    new URL(latchkey.base),
    client.client_id,
    client.client_secret,
    oidc.ClientSecretBasic(client.client_secret),
    {
      execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
    },
  );
  const keys = createRemoteJWKSet(new URL(provider.serverMetadata().jwks_uri ?? ''));
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    answer(req, res).catch((error: unknown) => res.writeHead(500).end(inspect(error)));
  });

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', base);
    if (url.pathname === '/backchannel') return takeNotice(req, res);
    const session = sessionOf(req, res);
    const goTo = (location: string | URL) => void res.writeHead(303, { location: String(location) }).end();
    switch (url.pathname) {
      case '/login':
        return goTo(await begin(session, url.searchParams));
      case '/callback':
        await finish(session, url);
        return goTo('/');
      case '/refresh':
        await refresh(session);
        return goTo('/');
      case '/logout': {
        const hint = session.tokens?.id ?? '';
        delete session.tokens;
        return goTo(oidc.buildEndSessionUrl(provider, { id_token_hint: hint, post_logout_redirect_uri: `${base}/` }));
      }
      case '/':
        return page(res, session);
      default:
        return void res.writeHead(404).end();
    }
  }

  function sessionOf(req: IncomingMessage, res: ServerResponse): Session {
    // Cookies know no port, and more than one relying party answers on this host.
    const cookie = `rp-${new URL(base).port}`;
    const name = new RegExp(`\\b${cookie}=(\\w+)`).exec(req.headers.cookie ?? '')?.[1];
    const known = name === undefined ? undefined : sessions.get(name);
    if (known) return known;
    const made = randomBytes(16).toString('hex');
    const session: Session = {};
    sessions.set(made, session);
    res.setHeader('set-cookie', `${cookie}=${made}; HttpOnly; SameSite=Lax; Path=/`);
    return session;
  }

  async function begin(session: Session, extra: URLSearchParams): Promise<URL> {
    const pending = { verifier: oidc.randomPKCECodeVerifier(), nonce: oidc.randomNonce(), state: oidc.randomState() };
    session.pending = pending;
    return oidc.buildAuthorizationUrl(provider, {
      redirect_uri: `${base}/callback`,
      scope,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
      ...Object.fromEntries(extra),
    });
  }

  async function finish(session: Session, url: URL): Promise<void> {
    const { pending } = session;
    delete session.pending;
    delete session.error;
    delete session.tokens;
    try {
      const tokens = await oidc.authorizationCodeGrant(provider, url, {
        expectedState: pending?.state ?? '',
        expectedNonce: pending?.nonce ?? '',
        pkceCodeVerifier: pending?.verifier ?? '',
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      const person = await oidc.fetchUserInfo(provider, tokens.access_token, claims?.sub ?? '');
      session.tokens = { access: tokens.access_token, id: tokens.id_token ?? '', refresh: tokens.refresh_token };
      session.email = String(person.email);
      session.sid = String(claims?.['sid']);
    } catch (error) {
      if (!(error instanceof oidc.AuthorizationResponseError)) throw error;
      session.error = error.error;
    }
  }

  async function refresh(session: Session): Promise<void> {
    delete session.error;
    try {
      const tokens = await oidc.refreshTokenGrant(provider, session.tokens?.refresh ?? '');
      session.tokens = { access: tokens.access_token, id: tokens.id_token ?? '', refresh: tokens.refresh_token };
    } catch (error) {
      if (!(error instanceof oidc.ResponseBodyError)) throw error;
      session.error = error.error;
    }
  }

  async function takeNotice(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const token = new URLSearchParams(await text(req)).get('logout_token') ?? '';
    const { payload } = await jwtVerify(token, keys, { issuer: latchkey.base, audience: client.client_id });
    const events = payload['events'] as Record<string, unknown> | undefined;
    const isNotice =
      events?.['http://schemas.openid.net/event/backchannel-logout'] !== undefined && payload['nonce'] === undefined;
    if (!isNotice) return void res.writeHead(400).end();
    for (const session of sessions.values()) if (session.sid === payload['sid']) delete session.tokens;
    notices.push(payload);
    res.writeHead(200, { 'cache-control': 'no-store' }).end();
  }

  function page(res: ServerResponse, { tokens, email, error }: Session): void {
    const heading = tokens
      ? `Signed in as ${escaped(email)}`
      : error
        ? `Refused: ${escaped(error)}`
        : 'Nobody is signed in';
    res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    res.end(
      `<!doctype html><html lang="en"><title>Relying party</title><link rel="icon" href="data:,"><main><h1>${heading}</h1>` +
        `<p id="error">${escaped(error ?? '')}</p><p id="access">${escaped(tokens?.access ?? '')}</p>` +
        `<a href="/login">Sign in</a> <a href="/refresh">Refresh</a> <a href="/logout">Sign out</a></main></html>`,
    );
  }

  return {
    base,
    client,
    notices,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => void server.close(closed));
    },
  };
}
