export const providerNames = [
  'google',
  'microsoft',
  'github',
  'apple',
  'facebook',
  'x',
  'linkedin',
  'gitlab',
  'discord',
  'slack',
  'oidc',
  'oauth2',
  'saml',
] as const;
export type ProviderName = (typeof providerNames)[number];

export const clientAuthentications = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const;
export type ClientAuthentication = (typeof clientAuthentications)[number];

/** The members that a connection may read from a claim of another name. */
export const mappedMembers = [
  'sub',
  'email',
  'email_verified',
  'name',
  'given_name',
  'family_name',
  'preferred_username',
  'locale',
  'groups',
  'roles',
] as const;
export type MappedMember = (typeof mappedMembers)[number];
export type ClaimMapping = Partial<Record<MappedMember, string>>;

/** The name of a certificate in the header of a JWT (RFC 7515 §4.1.7, §4.1.8). */
export type Thumbprint = 'x5t' | 'x5t#S256';

export type Endpoints = {
  authorizationEndpoint: string;
  tokenEndpoint: string;
  userinfoEndpoint: string;
};

type ClaimName =
  | MappedMember
  | ('iss' | 'azp' | 'at_hash' | 'c_hash' | 'auth_time' | 'acr' | 'amr' | 'sid')
  /** Of Google: the hosted domain. */
  | 'hd'
  /** Of Microsoft: the tenant of the user. */
  | 'tid'
  /** Of Microsoft: the domain of the email address is proved. */
  | 'xms_edov';
/** Claims with the names of OpenID Connect Core §2 and §5.1. The values come from a provider, so they may be anything. */
export type Claims = Readonly<Partial<Record<ClaimName, unknown>>>;
/** An object that a provider sent. */
type Members = Readonly<Record<string, unknown>>;

/** Sends a GET with the access token, and reads an object or a list of JSON. */
type Ask = (url: string) => Promise<unknown>;

type Row = {
  /** As the provider writes it. */
  title: string;
  scopes: readonly string[];
  /** The first one is the default. */
  clientAuthentications: readonly ClientAuthentication[];
  /** False where the provider is known to refuse a code verifier. */
  takesCodeChallenge: boolean;
  /** The way to ask for a refresh token, where the provider gives none unasked. */
  offlineAccess?: { scopes?: readonly string[]; parameters?: Readonly<Record<string, string>> };
  /** Parameters that ask the user to authenticate again, as far as the provider can. */
  forcedAuthentication: Readonly<Record<string, string>>;
  /** Whether the provider vouches for the email address of these claims, besides `email_verified: true`. */
  vouchesForEmail: (claims: Claims) => boolean;
};

/** A provider of OpenID Connect. */
export type OpenidProvider = Row & {
  protocol: 'openid';
  /** `fixed`: nothing else works. `default`: a connection may name another one. Null: a connection names it. */
  issuer: { kind: 'fixed' | 'default'; url: string } | null;
  /** In place of the discovery document, where that cannot be relied on. */
  metadata?: Readonly<Record<'authorization_endpoint' | 'token_endpoint' | 'jwks_uri', string>>;
  responseMode?: 'form_post';
  /** Client assertions, where the provider knows a private key by its certificate alone. Only RSA keys have the algorithm. */
  certificateAssertions?: { algorithm: 'PS256'; thumbprints: readonly Thumbprint[] };
  /** Whether the issuer of an ID token may use the key that signed it, where one set of keys serves several issuers. */
  isIssuerOfKey?: (claims: Claims, key: Readonly<Record<string, unknown>>) => boolean;
  /** Brings claims that differ from the standard into its form. `parameters` come with the answer. */
  normalize?: (claims: Claims, parameters: URLSearchParams) => Claims;
};

/** A provider of OAuth 2.0 with an API that answers who the user is. */
export type OauthProvider = Row & {
  protocol: 'oauth';
  /** Identifies the provider in identities. Null: the origin of the token endpoint. */
  issuer: string | null;
  /** Null: a connection names them. */
  endpoints: Endpoints | null;
  /** Parameters with which a request to the API proves that the token and the secret of the client belong together. */
  proof?: (accessToken: string, secret: string) => Readonly<Record<string, string>>;
  /** Answers with standard names, and the identifier of the user as `sub`. */
  readClaims: (userinfoEndpoint: string, ask: Ask) => Promise<Claims>;
};

/** An identity provider of SAML 2.0. Its addresses and keys are in its metadata. */
export type SamlProvider = Row & { protocol: 'saml' };

export type Provider = OpenidProvider | OauthProvider | SamlProvider;

/** Members of an object; none of anything else. */
export const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
