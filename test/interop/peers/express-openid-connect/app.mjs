// A web application with express-openid-connect: sign-in, renewal of tokens, sign-out, back-channel logout.
import express from 'express';
import openid from 'express-openid-connect';
import session from 'express-session';

const { auth, requiresAuth } = openid;

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT, SESSION_SECRET } = process.env;

const app = express();
const ended = new session.MemoryStore(); // sessions that Latchkey ended; in production a store that all nodes share

app.use(
  auth({
    issuerBaseURL: ISSUER,
    baseURL: BASE_URL,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: SESSION_SECRET,
    authRequired: false,
    idpLogout: true,
    authorizationParams: {
      response_type: 'code',
      scope: 'openid profile email offline_access',
      prompt: 'consent',
    },
    // Without these two functions the library ends every session of the user, not only the one that was signed out.
    backchannelLogout: {
      onLogoutToken: ({ sid }) =>
        new Promise((done) => ended.set(sid, { cookie: { expires: Date.now() + 7 * 86_400_000 } }, done)),
      isLoggedOut: ({ oidc }) =>
        new Promise((done) => ended.get(oidc.idTokenClaims.sid, (_error, found) => done(Boolean(found)))),
    },
  }),
);

app.get('/me', ({ oidc }, response) => {
  if (!oidc.isAuthenticated()) return response.status(401).json({ error: 'not signed in' });
  const { sub, email, name } = oidc.user;
  response.json({ sub, email, name });
});

app.get('/refresh', requiresAuth(), async ({ oidc }, response) => {
  const before = oidc.accessToken.access_token;
  const { access_token } = await oidc.accessToken.refresh();
  const { email } = await oidc.fetchUserInfo();
  response.json({ email, renewed: access_token !== before });
});

app.get('/', (_request, response) => response.send('<a href="/login">Sign in</a>'));

// Such as access_denied, when the user refuses.
app.use((error, _request, response, _next) => response.status(400).json({ error: error.error ?? error.message }));

app.listen(PORT, '127.0.0.1');
