/**
 * A single-page application as a customer would write it: oidc-client-ts in the browser, its files from a loopback port.
 * Its functions are on `window.app`; the heading shows the signed-in user.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestApp, TestClient } from './app.ts';

export type SinglePageApp = { base: string; client: TestClient; close(): Promise<void> };

const library = join(import.meta.dirname, '../../node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js');

const page = `<!doctype html>
<html lang="en"><title>Single-page app</title><link rel="icon" href="data:,"><h1>…</h1>
<button id="login">Sign in</button> <button id="renew">Renew</button> <button id="logout">Sign out</button>
<script src="/oidc-client-ts.js"></script>
<script src="/app.js"></script></html>`;

/** A frame that renews the session loads the same address: it hands over the answer and does nothing else. */
const script = (issuer: string, clientId: string, scope: string, extra: Record<string, string>): string => `
const manager = new oidc.UserManager({
  authority: ${JSON.stringify(issuer)},
  client_id: ${JSON.stringify(clientId)},
  redirect_uri: location.origin + '/callback',
  silent_redirect_uri: location.origin + '/callback',
  post_logout_redirect_uri: location.origin + '/',
  scope: ${JSON.stringify(scope)},
  automaticSilentRenew: false,
  silentRequestTimeoutInSeconds: 5,
  loadUserInfo: true,
});
const heading = document.querySelector('h1');
const show = (user) => (heading.textContent = user ? 'Signed in as ' + user.profile.email : 'Nobody is signed in');
window.app = {
  token: async () => (await manager.getUser())?.access_token ?? null,
  renew: () => manager.signinSilent().then((user) => (show(user), 'renewed'), (error) => error.error ?? String(error)),
  loseRefreshToken: async () => { const user = await manager.getUser(); user.refresh_token = undefined; await manager.storeUser(user); },
};
document.querySelector('#login').onclick = () => manager.signinRedirect(${JSON.stringify(extra)});
document.querySelector('#logout').onclick = () => manager.signoutRedirect();
document.querySelector('#renew').onclick = () => window.app.renew();
(async () => {
  if (window.parent !== window) return manager.signinSilentCallback();
  if (location.pathname === '/callback') {
    try {
      await manager.signinRedirectCallback();
      history.replaceState(null, '', '/');
    } catch (error) {
      heading.textContent = 'Refused: ' + (error.error ?? error);
      return;
    }
  }
  show(await manager.getUser());
})();`;

/** `extra` goes into the request of an interactive sign-in: `{ prompt: 'consent' }`. */
export async function startSinglePageApp(
  latchkey: TestApp,
  scope = 'openid email',
  extra: Record<string, string> = {},
): Promise<SinglePageApp> {
  let app = '';
  const server = createServer((req, res) => {
    const path = new URL(req.url ?? '/', 'http://localhost').pathname;
    const send = (type: string, body: string | Buffer) =>
      res.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body);
    if (path === '/app.js') send('text/javascript', app);
    else if (path === '/oidc-client-ts.js') void readFile(library).then((body) => send('text/javascript', body));
    else send('text/html', page);
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const base = `http://localhost:${(server.address() as AddressInfo).port}`;
  const client = await latchkey.client({
    name: 'Ledger',
    type: 'spa',
    redirect_uris: [`${base}/callback`],
    post_logout_redirect_uris: [`${base}/`],
  });
  app = script(latchkey.base, client.client_id, scope, extra);
  return {
    base,
    client,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => void server.close(closed));
    },
  };
}
