/** Providers of OpenID Connect. */
import { type Claims, membersOf, type OpenidProvider } from './provider.ts';

const always = (): boolean => true;
const usual = {
  protocol: 'openid',
  scopes: ['openid', 'profile', 'email'],
  clientAuthentications: ['client_secret_post', 'client_secret_basic'],
  takesCodeChallenge: true,
  // OpenID Connect Core §3.1.2.1
  forcedAuthentication: { prompt: 'login', max_age: '0' },
} as const;

/** https://developers.google.com/identity/openid-connect/openid-connect */
export const google: OpenidProvider = {
  ...usual,
  title: 'Google',
  issuer: { kind: 'fixed', url: 'https://accounts.google.com' },
  // Google knows none, consent and select_account.
  forcedAuthentication: { prompt: 'select_account' },
  // https://developers.google.com/identity/protocols/oauth2/web-server#offline
  offlineAccess: { parameters: { access_type: 'offline' } },
  // Google is authoritative for its own mailboxes and for hosted domains (`hd`). Any other address was verified once, when
  // the account was made: https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
  vouchesForEmail: ({ email, hd }) =>
    (typeof hd === 'string' && hd !== '') || (typeof email === 'string' && /@gmail\.com$/i.test(email)),
};

const ENTRA = 'https://login.microsoftonline.com/';
const ENTRA_TENANT = `${ENTRA}{tenantid}/v2.0`;
const GUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc */
export const microsoft: OpenidProvider = {
  ...usual,
  title: 'Microsoft',
  // All tenants and personal accounts; a connection may name the issuer of one tenant. An ID token then has the issuer of the
  // tenant of the user.
  issuer: { kind: 'default', url: 'https://login.microsoftonline.com/common/v2.0' },
  clientAuthentications: ['client_secret_post', 'client_secret_basic', 'private_key_jwt'],
  // https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials
  certificateAssertions: { algorithm: 'PS256', thumbprints: ['x5t#S256'] },
  // https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc#the-offline_access-scope
  offlineAccess: { scopes: ['offline_access'] },
  // One set of keys serves all tenants, and a key may be of one of them alone:
  // https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#validate-the-issuer
  isIssuerOfKey({ iss, tid }, { issuer = ENTRA_TENANT }) {
    if (typeof iss !== 'string' || !iss.startsWith(ENTRA)) return true;
    return typeof tid === 'string' && GUID.test(tid) && iss === String(issuer).replace('{tenantid}', tid);
  },
  // An administrator of any tenant can write any `email`. Only `xms_edov`, an optional claim that the application must ask
  // for, says that the domain of the address is proved: https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims-reference
  normalize: ({ xms_edov: proved, ...claims }) => ({
    ...claims,
    email_verified: proved === undefined ? undefined : [true, 1, '1', 'true'].includes(proved as string),
  }),
  vouchesForEmail: always,
};

/** https://developer.apple.com/documentation/signinwithapple/configuring-your-webpage-for-sign-in-with-apple */
export const apple: OpenidProvider = {
  ...usual,
  title: 'Apple',
  issuer: { kind: 'fixed', url: 'https://appleid.apple.com' },
  // Its discovery document named another issuer for days while the ID tokens kept this one:
  // https://developer.apple.com/forums/thread/787645. The endpoints are documented:
  // https://developer.apple.com/documentation/signinwithapplerestapi
  metadata: {
    authorization_endpoint: 'https://appleid.apple.com/auth/authorize',
    token_endpoint: 'https://appleid.apple.com/auth/token',
    jwks_uri: 'https://appleid.apple.com/auth/keys',
  },
  scopes: ['openid', 'name', 'email'],
  // The client secret is an assertion that the key of the team signs:
  // https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
  clientAuthentications: ['client_secret_post'],
  forcedAuthentication: {},
  // Required as soon as a scope is asked for.
  responseMode: 'form_post',
  normalize: (claims, parameters) => ({
    ...claims,
    ...nameOnce(parameters.get('user')),
    // "The value may be a String or a Boolean": https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple
    email_verified: claims.email_verified === true || claims.email_verified === 'true',
  }),
  vouchesForEmail: always,
};

/** Apple sends the name with the first answer alone, in a member of the form, which the browser could change. */
function nameOnce(user: string | null): Claims {
  const { name } = membersOf(parsed(user));
  const { firstName, lastName } = membersOf(name);
  const full = [firstName, lastName].filter((part) => typeof part === 'string' && part !== '').join(' ');
  return { given_name: firstName, family_name: lastName, ...(full === '' ? {} : { name: full }) };
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}

/** https://docs.gitlab.com/integration/openid_connect_provider/ */
export const gitlab: OpenidProvider = {
  ...usual,
  title: 'GitLab',
  // A connection may name a server of its own.
  issuer: { kind: 'default', url: 'https://gitlab.com' },
  vouchesForEmail: always,
};

/** https://docs.slack.dev/authentication/sign-in-with-slack/ */
export const slack: OpenidProvider = {
  ...usual,
  title: 'Slack',
  issuer: { kind: 'fixed', url: 'https://slack.com' },
  forcedAuthentication: {},
  vouchesForEmail: always,
};

/** https://openid.net/specs/openid-connect-core-1_0.html */
export const oidc: OpenidProvider = {
  ...usual,
  title: 'OpenID Connect',
  issuer: null,
  clientAuthentications: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  vouchesForEmail: always,
};
