// A web application with openid-client: sign-in, renewal of tokens, sign-out, back-channel logout.
import { randomBytes } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env;

const latchkey = await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
  // Checks the signature of ID tokens as well. Plain http is for an issuer on this machine only.
  execute: [oidc.enableNonRepudiationChecks, ...(ISSUER.startsWith('http:') ? [oidc.allowInsecureRequests] : [])],
});
const keys = createRemoteJWKSet(new URL(latchkey.serverMetadata().jwks_uri));

const app = express();
const sessions = new session.MemoryStore(); // in production a store that all nodes share
app.use(
  session({
    name: 'app',
    secret: randomBytes(32).toString('hex'),
    store: sessions,
    resave: false,
    saveUninitialized: false,
  }),
);

app.get('/login', async (request, response) => {
  const pending = { verifier: oidc.randomPKCECodeVerifier(), state: oidc.randomState(), nonce: oidc.randomNonce() };
  request.session.pending = pending;
  const address = oidc.buildAuthorizationUrl(latchkey, {
    redirect_uri: `${BASE_URL}/callback`,
    scope: 'openid profile email offline_access',
    prompt: 'consent',
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
  const { sub, sid } = tokens.claims();
  const person = await oidc.fetchUserInfo(latchkey, tokens.access_token, sub);
  await new Promise((done, failed) => request.session.regenerate((error) => (error ? failed(error) : done())));
  Object.assign(request.session, { person, sid, tokens });
  response.redirect('/me');
});

app.get('/me', ({ session: { person } }, response) => {
  if (person) response.json({ sub: person.sub, email: person.email, name: person.name });
  else response.status(401).json({ error: 'not signed in' });
});

app.get('/refresh', async (request, response) => {
  const { tokens, person } = request.session;
  const renewed = await oidc.refreshTokenGrant(latchkey, tokens.refresh_token);
  request.session.tokens = { ...tokens, ...renewed };
  const { email } = await oidc.fetchUserInfo(latchkey, renewed.access_token, person.sub);
  response.json({ email, renewed: renewed.access_token !== tokens.access_token });
});

app.get('/logout', (request, response) => {
  const address = oidc.buildEndSessionUrl(latchkey, {
    id_token_hint: request.session.tokens?.id_token ?? '',
    post_logout_redirect_uri: `${BASE_URL}/`,
  });
  request.session.destroy(() => response.redirect(address.href));
});

app.post('/backchannel', express.urlencoded(), async (request, response) => {
  const { payload } = await jwtVerify(request.body.logout_token, keys, {
    issuer: latchkey.serverMetadata().issuer,
    audience: CLIENT_ID,
    typ: 'logout+jwt',
    requiredClaims: ['sid', 'jti', 'events'],
  });
  if (!payload.events['http://schemas.openid.net/event/backchannel-logout']) return response.sendStatus(400);
  sessions.all((_error, all) => {
    for (const [id, { sid }] of Object.entries(all)) if (sid === payload.sid) sessions.destroy(id);
    response.set('cache-control', 'no-store').sendStatus(200);
  });
});

app.get('/', (_request, response) => response.send('<a href="/login">Sign in</a>'));

// Such as access_denied, when the user refuses.
app.use((error, _request, response, _next) => response.status(400).json({ error: error.error ?? error.message }));

app.listen(PORT, '127.0.0.1');
