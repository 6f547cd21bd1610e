// A single-page application with oidc-client-ts: sign-in, renewal of tokens, sign-out with revocation.
import { UserManager, WebStorageStateStore } from 'oidc-client-ts';
import { clientId, issuer } from './settings.js';

const manager = new UserManager({
  authority: issuer,
  client_id: clientId,
  redirect_uri: `${location.origin}/callback`,
  silent_redirect_uri: `${location.origin}/silent`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: 'openid profile email offline_access',
  prompt: 'consent',
  loadUserInfo: true,
  revokeTokensOnSignout: true,
  userStore: new WebStorageStateStore({ store: localStorage }), // one sign-in for all tabs
});

const heading = document.querySelector('h1');
const show = (user) => (heading.textContent = user ? `Signed in as ${user.profile.email}` : 'Not signed in');

document.querySelector('#login').addEventListener('click', () => manager.signinRedirect());
document.querySelector('#renew').addEventListener('click', () => manager.signinSilent().then(show));
document.querySelector('#logout').addEventListener('click', () => manager.signoutRedirect());

if (location.pathname === '/silent') {
  await manager.signinSilentCallback();
} else {
  if (location.pathname === '/callback') {
    try {
      await manager.signinRedirectCallback();
      history.replaceState(null, '', '/');
    } catch (error) {
      heading.textContent = `Refused: ${error.error ?? error}`; // such as access_denied, when the user refuses
      throw error;
    }
  }
  show(await manager.getUser());
}

window.manager = manager; // for the console, and for tests
