// A relying party that knows nothing but OpenID Connect. The query of /login goes into its request.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import express from 'express';
import session from 'express-session';
import { decodeJwt } from 'jose';
import * as oidc from 'openid-client';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT, TLS_CERTIFICATE, TLS_KEY } = process.env;

const latchkey = await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET);
const sessions = new session.MemoryStore();

const app = express();
app.set('trust proxy', true);
app.use(
  session({
    secret: randomBytes(32).toString('hex'),
    store: sessions,
    resave: false,
    saveUninitialized: false,
    cookie: { secure: 'auto', sameSite: 'lax' },
  }),
);

app.get('/login', async (request, response) => {
  const pending = { verifier: oidc.randomPKCECodeVerifier(), state: oidc.randomState(), nonce: oidc.randomNonce() };
  request.session.pending = pending;
  const address = oidc.buildAuthorizationUrl(latchkey, {
    redirect_uri: `${BASE_URL}/callback`,
    scope: 'openid profile email',
    ...request.query,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
  });
  response.redirect(address.href);
});

app.get('/callback', async (request, response) => {
  const { verifier, state, nonce } = request.session.pending ?? {};
  const tokens = await oidc.authorizationCodeGrant(latchkey, new URL(request.originalUrl, BASE_URL), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  const person = await oidc.fetchUserInfo(latchkey, tokens.access_token, claims.sub);
  await new Promise((done) => request.session.regenerate(done));
  Object.assign(request.session, { claims: { ...person, ...claims }, sid: claims.sid, tokens });
  response.redirect('/me');
});

app.get('/me', ({ session: { claims } }, response) => {
  if (claims) response.json(claims);
  else response.status(401).json({ error: 'not signed in' });
});

// Without the ID token the provider asks the user, who can choose to sign out at more places there.
app.get('/logout', (request, response) => {
  const address = oidc.buildEndSessionUrl(latchkey, { post_logout_redirect_uri: `${BASE_URL}/` });
  request.session.destroy(() => response.redirect(address.href));
});

// The identity provider is one of this run, and so are its logout tokens: other tests check what a relying party must check.
app.post('/backchannel', express.urlencoded(), (request, response) => {
  const { sid } = decodeJwt(request.body.logout_token);
  sessions.all((_error, all) => {
    for (const [id, one] of Object.entries(all)) if (one.sid === sid) sessions.destroy(id);
    response.set('cache-control', 'no-store').sendStatus(200);
  });
});

app.get('/', (_request, response) => response.send('<a href="/login">Sign in</a>'));

app.use((error, _request, response, _next) =>
  response.status(400).json({ error: error.error ?? error.message, description: error.error_description }),
);

createServer({ cert: readFileSync(TLS_CERTIFICATE), key: readFileSync(TLS_KEY) }, app).listen(PORT, '127.0.0.1');
