// A web application with @node-saml/node-saml: sign-in, sign-out from both sides. Its keys and the metadata of the identity
// provider are read at each request, so that they can change while it runs.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import { DOMParser } from '@xmldom/xmldom';
import express from 'express';
import session from 'express-session';

const { BASE_URL, PORT, FOLDER, ENTITY_ID, TLS_CERTIFICATE, TLS_KEY } = process.env;
const read = (name) => readFileSync(`${FOLDER}/${name}`, 'utf8');

const requests = new Map(); // of sign-ins that have begun; in production a store that all nodes share
const cacheProvider = {
  async saveAsync(key, value) {
    if (requests.has(key)) return null;
    requests.set(key, value);
    return { value, createdAt: Date.now() };
  },
  getAsync: async (key) => requests.get(key) ?? null,
  async removeAsync(key) {
    return requests.delete(key) ? key : null;
  },
};

function identityProvider() {
  if (!existsSync(`${FOLDER}/idp.xml`)) return { idpCert: 'none yet' };
  const document = new DOMParser().parseFromString(read('idp.xml'), 'text/xml');
  const role = document.getElementsByTagNameNS('*', 'IDPSSODescriptor')[0];
  const all = (name) => Array.from(role.getElementsByTagNameNS('*', name));
  const location = (name) =>
    all(name)
      .find((one) => one.getAttribute('Binding').endsWith(':HTTP-Redirect'))
      ?.getAttribute('Location');
  return {
    idpIssuer: document.documentElement.getAttribute('entityID'),
    entryPoint: location('SingleSignOnService'),
    logoutUrl: location('SingleLogoutService'),
    idpCert: all('KeyDescriptor')
      .filter((one) => one.getAttribute('use') !== 'encryption')
      .map((one) => one.getElementsByTagNameNS('*', 'X509Certificate')[0].textContent.replace(/\s/g, '')),
  };
}

const saml = (options = {}) =>
  new SAML({
    ...identityProvider(),
    issuer: ENTITY_ID,
    audience: ENTITY_ID,
    callbackUrl: `${BASE_URL}/acs`,
    logoutCallbackUrl: `${BASE_URL}/slo`,
    privateKey: read('sp.key'),
    publicCert: read('sp.pem'),
    decryptionPvk: read('sp.key'),
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    wantAuthnResponseSigned: false,
    validateInResponseTo: ValidateInResponseTo.always,
    cacheProvider,
    ...options,
  });

const app = express();
app.use(express.urlencoded());
app.use(
  session({
    secret: 'a-secret-of-this-run',
    resave: false,
    saveUninitialized: false,
    cookie: { secure: 'auto', sameSite: 'none' },
  }),
);
const sessions = new Set(); // SessionIndex of those who are signed in; in production a store that all nodes share

app.get('/metadata', (_request, response) =>
  response.type('xml').send(saml().generateServiceProviderMetadata(read('sp.pem'), read('sp.pem'))),
);

app.get('/login', async ({ query }, response) => {
  const options = { forceAuthn: 'force' in query, identifierFormat: query.format ?? null };
  response.redirect(await saml(options).getAuthorizeUrlAsync('', undefined, {}));
});

app.post('/acs', async (request, response) => {
  const { profile } = await saml().validatePostResponseAsync(request.body);
  sessions.add(profile.sessionIndex);
  request.session.regenerate(() => {
    request.session.profile = profile;
    response.redirect(303, '/me');
  });
});

app.get('/me', ({ session: { profile } }, response) => {
  if (!profile || !sessions.has(profile.sessionIndex)) return response.status(401).send('Not signed in');
  response.json({ name: profile.nameID, format: profile.nameIDFormat, attributes: profile.attributes });
});

app.get('/logout', async (request, response) => {
  response.redirect(await saml().getLogoutUrlAsync(request.session.profile, '', {}));
});

// The question of the identity provider to sign out, or its answer to ours.
app.all('/slo', async (request, response) => {
  const container = request.method === 'POST' ? request.body : request.query;
  const original = request.originalUrl.split('?')[1] ?? '';
  const isAnswer = 'SAMLResponse' in container;
  const read =
    request.method === 'GET'
      ? saml().validateRedirectAsync(container, original)
      : isAnswer
        ? // The library looks for the reference to a request in answers to sign-ins alone.
          saml({ validateInResponseTo: ValidateInResponseTo.ifPresent }).validatePostResponseAsync(container)
        : saml().validatePostRequestAsync(container);
  const { profile } = await read;
  sessions.delete((isAnswer ? request.session.profile : profile)?.sessionIndex);
  if (isAnswer) return response.redirect(303, '/signed-out');
  response.redirect(303, await saml().getLogoutResponseUrlAsync(profile, container.RelayState ?? '', {}, true));
});

app.get('/signed-out', (_request, response) => response.send('Signed out'));
app.get('/', (_request, response) => response.send('<a href="/login">Sign in</a>'));

app.use((error, _request, response, _next) => {
  console.error(error);
  response.status(403).send(`Refused: ${error.message}`);
});

createServer({ cert: readFileSync(TLS_CERTIFICATE), key: readFileSync(TLS_KEY) }, app).listen(PORT, '127.0.0.1');
