// A web application with Auth.js: sign-in, renewal of tokens, sign-out, back-channel logout.
import { Auth } from '@auth/core';
import { getToken } from '@auth/core/jwt';
import { ExpressAuth } from '@auth/express';
import express from 'express';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT, AUTH_SECRET } = process.env;

const latchkey = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(latchkey.jwks_uri));
const ended = new Set(); // sessions that Latchkey ended; in production a store that all nodes share

const config = {
  basePath: '/auth',
  trustHost: true,
  secret: AUTH_SECRET,
  providers: [
    {
      id: 'latchkey',
      name: 'Latchkey',
      type: 'oidc',
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      checks: ['pkce', 'state', 'nonce'],
      authorization: { params: { scope: 'openid profile email offline_access', prompt: 'consent' } },
    },
  ],
  callbacks: {
    async jwt({ token, account, profile }) {
      if (account) {
        const { access_token, refresh_token, expires_at, id_token } = account;
        return { ...token, sub: profile.sub, sid: profile.sid, access_token, refresh_token, expires_at, id_token };
      }
      if (ended.has(token.sid)) return null;
      return Date.now() < token.expires_at * 1000 - 30_000 ? token : renewed(token);
    },
    session: ({ session, token }) => ({ ...session, user: { ...session.user, sub: token.sub } }),
  },
};

async function renewed(token) {
  const answer = await fetch(latchkey.token_endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token.refresh_token }),
  });
  if (!answer.ok) return null;
  const { access_token, refresh_token, expires_in, id_token } = await answer.json();
  const expires_at = Math.floor(Date.now() / 1000) + expires_in;
  return { ...token, access_token, refresh_token, expires_at, id_token };
}

/**
 * The session of a request. The answer of Auth.js holds the cookie with renewed tokens, and the browser must get it:
 * `getSession` of @auth/express drops it, and with it the new refresh token.
 */
async function sessionOf(request, response, callbacks = config.callbacks) {
  const question = new Request(`${BASE_URL}/auth/session`, { headers: { cookie: request.headers.cookie ?? '' } });
  const answer = await Auth(question, { ...config, callbacks });
  for (const cookie of answer.headers.getSetCookie()) response.append('set-cookie', cookie);
  return answer.json();
}

const app = express();
app.set('trust proxy', true);
app.use('/auth', ExpressAuth(config));

app.get('/me', async (request, response) => {
  const session = await sessionOf(request, response);
  if (session) response.json(session.user);
  else response.status(401).json({ error: 'not signed in' });
});

app.get('/refresh', async (request, response) => {
  let isRenewed = false;
  const session = await sessionOf(request, response, {
    ...config.callbacks,
    async jwt({ token }) {
      const next = await renewed(token);
      isRenewed = next !== null && next.access_token !== token.access_token;
      return next;
    },
  });
  response.json({ email: session?.user.email, renewed: isRenewed });
});

app.get('/logout', async (request, response) => {
  const token = await getToken({ req: request, secret: AUTH_SECRET, secureCookie: BASE_URL.startsWith('https:') });
  for (const name of (request.headers.cookie ?? '').match(/[^;\s]*authjs\.session-token[^=]*/g) ?? [])
    response.clearCookie(name, { secure: name.startsWith('__Secure-') });
  const address = new URL(latchkey.end_session_endpoint);
  address.searchParams.set('id_token_hint', token?.id_token ?? '');
  address.searchParams.set('post_logout_redirect_uri', `${BASE_URL}/`);
  response.redirect(address.href);
});

app.post('/backchannel', express.urlencoded(), async (request, response) => {
  const { payload } = await jwtVerify(request.body.logout_token, keys, {
    issuer: latchkey.issuer,
    audience: CLIENT_ID,
    typ: 'logout+jwt',
    requiredClaims: ['sid', 'jti', 'events'],
  });
  if (!payload.events['http://schemas.openid.net/event/backchannel-logout']) return response.sendStatus(400);
  ended.add(payload.sid);
  response.set('cache-control', 'no-store').sendStatus(200);
});

app.listen(PORT, '127.0.0.1');
