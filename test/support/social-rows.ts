/** The providers of the table as a browser and a server meet them: documented addresses, and answers that a test may bend. */
import { apiAnswers, idTokens } from '../connections/provider-samples.ts';

/** Parts of an answer, wherever the provider has them. Undefined takes a part away. */
export type Bent = Partial<Record<'subject' | 'email' | 'verified' | 'name', unknown>> & {
  /** Further members of the ID token, or of the answer about the user. */
  more?: Record<string, unknown>;
  /** The list of addresses of GitHub. */
  list?: readonly object[];
  /** Members of an ID token that comes along, although the answer of the API says who the user is. */
  alongside?: Record<string, unknown>;
};
type Json = Record<string, unknown>;
type Answer = {
  /** Members of the ID token in addition to the usual ones. */
  idToken: Json | null;
  /** The answers of the API, by their addresses. */
  api: Record<string, unknown>;
};
export type SocialRow = {
  provider: string;
  issuer: string;
  /** Members of the connection besides the client. */
  settings: Json;
  authorize: string;
  token: string;
  /** Of the API, or of OpenID Connect. */
  userinfo: string;
  discovery?: string;
  keys?: string;
  answersByForm?: true;
  /** Of an address that the provider calls verified. */
  isTrusted: boolean;
  /** Whether the answer says that an address is verified. */
  saysVerified: boolean;
  answer(bent: Bent): Answer;
};

/** The same object with other values; undefined ones are taken away. */
const changed = (object: Json, changes: Json): Json =>
  Object.fromEntries(Object.entries({ ...object, ...changes }).filter(([, value]) => value !== undefined));

/** The parts that a test bends, under the names of the provider. */
const named = (bent: Bent, names: Partial<Record<'subject' | 'email' | 'verified' | 'name', string>>): Json => ({
  ...Object.fromEntries(
    Object.entries(names).flatMap(([part, name]) => (part in bent ? [[name, bent[part as 'name']]] : [])),
  ),
  ...bent.more,
});
const standard = { subject: 'sub', email: 'email', verified: 'email_verified', name: 'name' };

type Addresses = Pick<SocialRow, 'authorize' | 'token' | 'userinfo' | 'keys'>;
/** Read from the discovery documents of the providers; Apple documents its own. */
const openid: Readonly<Record<string, Addresses>> = {
  google: {
    authorize: 'https://accounts.google.com/o/oauth2/v2/auth',
    token: 'https://oauth2.googleapis.com/token',
    userinfo: 'https://openidconnect.googleapis.com/v1/userinfo',
    keys: 'https://www.googleapis.com/oauth2/v3/certs',
  },
  microsoft: {
    authorize: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
    token: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
    userinfo: 'https://graph.microsoft.com/oidc/userinfo',
    keys: 'https://login.microsoftonline.com/common/discovery/v2.0/keys',
  },
  apple: {
    authorize: 'https://appleid.apple.com/auth/authorize',
    token: 'https://appleid.apple.com/auth/token',
    userinfo: 'https://appleid.apple.com/none',
    keys: 'https://appleid.apple.com/auth/keys',
  },
  gitlab: {
    authorize: 'https://gitlab.com/oauth/authorize',
    token: 'https://gitlab.com/oauth/token',
    userinfo: 'https://gitlab.com/oauth/userinfo',
    keys: 'https://gitlab.com/oauth/discovery/keys',
  },
  slack: {
    authorize: 'https://slack.com/openid/connect/authorize',
    token: 'https://slack.com/api/openid.connect.token',
    userinfo: 'https://slack.com/api/openid.connect.userInfo',
    keys: 'https://slack.com/openid/connect/keys',
  },
};

const openidRows = idTokens.map(({ provider, issuer, claims }): SocialRow => {
  const addresses = openid[provider]!;
  // A token of Microsoft has the issuer of the tenant of its user.
  const asked = issuer.replace(String(claims['tid']), 'common');
  return {
    provider,
    issuer,
    settings: provider === 'apple' ? { team_id: 'TEAM', key_id: 'KEY' } : {},
    ...addresses,
    ...(provider === 'apple' ? { answersByForm: true } : { discovery: `${asked}/.well-known/openid-configuration` }),
    isTrusted: provider !== 'microsoft',
    saysVerified: provider !== 'microsoft',
    answer: (bent) => ({ idToken: changed(claims, named(bent, standard)), api: {} }),
  };
});

const api: Readonly<Record<string, { authorize: string; names: Parameters<typeof named>[1]; within?: string }>> = {
  github: { authorize: 'https://github.com/login/oauth/authorize', names: { subject: 'id', name: 'name' } },
  facebook: {
    authorize: 'https://www.facebook.com/v25.0/dialog/oauth',
    names: { subject: 'id', name: 'name', email: 'email' },
  },
  x: {
    authorize: 'https://x.com/i/oauth2/authorize',
    names: { subject: 'id', name: 'name', email: 'confirmed_email' },
    within: 'data',
  },
  linkedin: { authorize: 'https://www.linkedin.com/oauth/v2/authorization', names: standard },
  discord: {
    authorize: 'https://discord.com/oauth2/authorize',
    names: { subject: 'id', name: 'global_name', email: 'email', verified: 'verified' },
  },
};

const apiRows = apiAnswers.map(({ provider, issuer, tokenEndpoint, answers }): SocialRow => {
  const { authorize, names, within } = api[provider]!;
  const [[userinfo, user], second] = Object.entries(answers as Record<string, unknown>) as [
    [string, Json],
    [string, Json[]]?,
  ];
  return {
    provider,
    issuer,
    settings: {},
    authorize,
    token: tokenEndpoint,
    userinfo,
    isTrusted: provider !== 'facebook',
    saysVerified: provider !== 'facebook' && provider !== 'x',
    answer(bent) {
      const inner = changed((within ? user[within] : user) as Json, named(bent, names));
      const documents: Record<string, unknown> = { [userinfo]: within ? { [within]: inner } : inner };
      // GitHub: the list of addresses, the primary one last.
      if (second !== undefined) {
        const [address, list] = second;
        const primary = changed(list.at(-1)!, named({ ...bent, more: {} }, { email: 'email', verified: 'verified' }));
        documents[address] = bent.list ?? [...list.slice(0, -1), primary];
      }
      return { idToken: bent.alongside ?? null, api: documents };
    },
  };
});

/** https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse, read on 2026-11-30. */
const jane = {
  sub: '248289761001',
  name: 'Jane Doe',
  given_name: 'Jane',
  family_name: 'Doe',
  preferred_username: 'j.doe',
  email: 'janedoe@example.com',
  email_verified: true,
  picture: 'http://example.com/janedoe/me.jpg',
};
const acme = { authorize: 'https://idp.acme.example/authorize', token: 'https://idp.acme.example/token' };
const generic: readonly SocialRow[] = [
  {
    provider: 'oidc',
    issuer: 'https://idp.acme.example',
    settings: { issuer: 'https://idp.acme.example', trusts_email: true, links_by_email: true },
    ...acme,
    userinfo: 'https://idp.acme.example/me',
    discovery: 'https://idp.acme.example/.well-known/openid-configuration',
    keys: 'https://idp.acme.example/keys',
    isTrusted: true,
    saysVerified: true,
    answer: (bent) => ({ idToken: changed(jane, named(bent, standard)), api: {} }),
  },
  {
    provider: 'oauth2',
    issuer: 'https://login.acme.example',
    settings: {
      authorization_endpoint: 'https://login.acme.example/authorize',
      token_endpoint: 'https://login.acme.example/token',
      userinfo_endpoint: 'https://api.acme.example/me',
      claims: { sub: 'user.id', name: 'user.full_name', email: 'user.mail', email_verified: 'user.mail_ok' },
      trusts_email: true,
      links_by_email: true,
    },
    authorize: 'https://login.acme.example/authorize',
    token: 'https://login.acme.example/token',
    userinfo: 'https://api.acme.example/me',
    isTrusted: true,
    saysVerified: true,
    answer: (bent) => ({
      idToken: null,
      api: {
        'https://api.acme.example/me': {
          user: changed(
            { id: '4711', full_name: 'Noor Haddad', mail: 'noor@acme.example', mail_ok: true },
            named(bent, { subject: 'id', name: 'full_name', email: 'mail', verified: 'mail_ok' }),
          ),
        },
      },
    }),
  },
];

/** One for each provider that speaks OpenID Connect or OAuth 2.0. */
export const socialRows: readonly SocialRow[] = [...openidRows, ...apiRows, ...generic];
