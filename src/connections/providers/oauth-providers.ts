/** Providers of OAuth 2.0 with an API of their own. */
import { createHmac } from 'node:crypto';
import { membersOf, type OauthProvider } from './provider.ts';

const always = (): boolean => true;
const usual = {
  protocol: 'oauth',
  clientAuthentications: ['client_secret_post', 'client_secret_basic'],
  takesCodeChallenge: true,
  forcedAuthentication: {},
} as const;

/** https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps */
export const github: OauthProvider = {
  ...usual,
  title: 'GitHub',
  issuer: 'https://github.com',
  endpoints: {
    authorizationEndpoint: 'https://github.com/login/oauth/authorize',
    tokenEndpoint: 'https://github.com/login/oauth/access_token',
    userinfoEndpoint: 'https://api.github.com/user',
  },
  scopes: ['read:user', 'user:email'],
  // `email` of the user is the public one, which GitHub does not call verified. The list says which address is primary and
  // whether it is verified: https://docs.github.com/en/rest/users/emails
  async readClaims(userinfoEndpoint, ask) {
    const [user, emails] = await Promise.all([ask(userinfoEndpoint), ask(`${userinfoEndpoint}/emails`)]);
    const { id, login, name } = membersOf(user);
    const listed = Array.isArray(emails) ? emails.map(membersOf) : [];
    const [first, second] = listed.filter(({ primary }) => primary === true);
    // Two primary addresses would leave the choice to their order.
    const { email, verified } = (second === undefined && first) || {};
    return { sub: numericId(id), preferred_username: login, name, email, email_verified: verified };
  },
  vouchesForEmail: always,
};

/** GitHub's ids are whole numbers (https://docs.github.com/en/rest/users/users); a rounded one could be another user's. */
const numericId = (id: unknown): unknown => (Number.isSafeInteger(id) && (id as number) > 0 ? String(id) : null);

/** https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow */
export const facebook: OauthProvider = {
  ...usual,
  title: 'Facebook',
  issuer: 'https://www.facebook.com',
  endpoints: {
    authorizationEndpoint: 'https://www.facebook.com/v25.0/dialog/oauth',
    tokenEndpoint: 'https://graph.facebook.com/v25.0/oauth/access_token',
    userinfoEndpoint: 'https://graph.facebook.com/v25.0/me',
  },
  scopes: ['public_profile', 'email'],
  // https://developers.facebook.com/docs/facebook-login/reauthentication
  forcedAuthentication: { auth_type: 'reauthenticate' },
  async readClaims(userinfoEndpoint, ask) {
    const user = membersOf(await ask(`${userinfoEndpoint}?fields=id,name,first_name,last_name,email`));
    const { id, name, first_name: givenName, last_name: familyName, email } = user;
    return { sub: id, name, given_name: givenName, family_name: familyName, email };
  },
  // An app may demand it: https://developers.facebook.com/docs/graph-api/guides/secure-requests/
  proof: (accessToken, secret) => ({
    appsecret_proof: createHmac('sha256', secret).update(accessToken).digest('hex'),
  }),
  // Nothing in its answer says that the address is verified: https://developers.facebook.com/docs/graph-api/reference/user/
  vouchesForEmail: () => false,
};

/** https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token */
export const x: OauthProvider = {
  ...usual,
  title: 'X',
  issuer: 'https://x.com',
  endpoints: {
    authorizationEndpoint: 'https://x.com/i/oauth2/authorize',
    tokenEndpoint: 'https://api.x.com/2/oauth2/token',
    userinfoEndpoint: 'https://api.x.com/2/users/me',
  },
  // https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code
  offlineAccess: { scopes: ['offline.access'] },
  // Without tweet.read the request for the user is refused: https://docs.x.com/x-api/users/get-my-user
  scopes: ['users.read', 'tweet.read', 'users.email'],
  clientAuthentications: ['client_secret_basic'],
  async readClaims(userinfoEndpoint, ask) {
    const { data } = membersOf(await ask(`${userinfoEndpoint}?user.fields=id,name,username,confirmed_email`));
    const { id, name, username, confirmed_email: email } = membersOf(data);
    return { sub: id, name, preferred_username: username, email, email_verified: typeof email === 'string' };
  },
  vouchesForEmail: always,
};

/** https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2 */
export const linkedin: OauthProvider = {
  ...usual,
  title: 'LinkedIn',
  // Its ID tokens carry no nonce, so nothing ties one to a sign-in: its userinfo endpoint is asked in their place.
  issuer: 'https://www.linkedin.com/oauth',
  endpoints: {
    authorizationEndpoint: 'https://www.linkedin.com/oauth/v2/authorization',
    tokenEndpoint: 'https://www.linkedin.com/oauth/v2/accessToken',
    userinfoEndpoint: 'https://api.linkedin.com/v2/userinfo',
  },
  scopes: ['openid', 'profile', 'email'],
  clientAuthentications: ['client_secret_post'],
  // Native applications have endpoints of their own for it: https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow-native
  takesCodeChallenge: false,
  async readClaims(userinfoEndpoint, ask) {
    const { locale, ...claims } = membersOf(await ask(userinfoEndpoint));
    const { language, country } = membersOf(locale);
    const parts = [language, country].filter((part) => typeof part === 'string');
    return { ...claims, locale: typeof locale === 'string' ? locale : parts.join('-') };
  },
  vouchesForEmail: always,
};

/** https://discord.com/developers/docs/topics/oauth2 */
export const discord: OauthProvider = {
  ...usual,
  title: 'Discord',
  issuer: 'https://discord.com',
  endpoints: {
    authorizationEndpoint: 'https://discord.com/oauth2/authorize',
    tokenEndpoint: 'https://discord.com/api/oauth2/token',
    // Without a version it is one that may end: https://discord.com/developers/docs/reference#api-versioning
    userinfoEndpoint: 'https://discord.com/api/v10/users/@me',
  },
  scopes: ['identify', 'email'],
  // https://discord.com/developers/docs/resources/user
  async readClaims(userinfoEndpoint, ask) {
    const user = membersOf(await ask(userinfoEndpoint));
    const { id, username, global_name: name, email, verified, locale } = user;
    return { sub: id, preferred_username: username, name, email, email_verified: verified, locale };
  },
  vouchesForEmail: always,
};

/** https://www.rfc-editor.org/rfc/rfc6749; what the user endpoint answers is mapped by the connection. */
export const oauth2: OauthProvider = {
  ...usual,
  title: 'OAuth 2.0',
  issuer: null,
  endpoints: null,
  scopes: [],
  clientAuthentications: ['client_secret_basic', 'client_secret_post', 'none'],
  readClaims: async (userinfoEndpoint, ask) => membersOf(await ask(userinfoEndpoint)),
  vouchesForEmail: always,
};
