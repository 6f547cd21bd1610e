/** OpenID Connect and OAuth 2.0 towards providers, with a certified library. It is loaded by the first sign-in that needs it. */
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  type ClientMetadata,
  Configuration,
  type CustomFetch,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  refreshTokenGrant,
  type ServerMetadata,
  type TokenEndpointResponse,
  tokenRevocation,
} from 'openid-client';
import type { UpstreamTokenSet } from '#directory/identities/module.ts';
import { type Clock, SECOND } from '#kernel/clock.ts';
import { isLoopback } from '#kernel/issuer.ts';
import { authorizationUrlOf, contextsOf } from './authorization-url.ts';
import { clientAuthenticationOf, requestKeyOf } from './client-credentials.ts';
import { methodOf } from './connection-rules.ts';
import type { Connection } from './connection.ts';
import { FAILURE_KEPT_FOR, METADATA_KEPT_FOR, MOST_KEPT_METADATA } from './limits.ts';
import type { keysAt as KeysAt, LoggedOut } from './logout-token.ts';
import { definedOf, propertiesOf, valueAt, written } from './claim-mapping.ts';
import { endpointsOf, issuerOf, oauthClaims, withoutIdToken } from './oauth-claims.ts';
import { AnswerRefused, openidClaims } from './openid-claims.ts';
import type { OauthProvider, OpenidProvider } from './providers/provider.ts';
import type { Transaction, Wishes } from './transaction.ts';
import type { Told } from './upstream-profile.ts';

/** A connection with what a request to its provider needs. */
export type Upstream = {
  connection: Connection;
  provider: OpenidProvider | OauthProvider;
  /** In the clear; empty where the client has none. */
  secret: string;
  redirectUri: string;
};

/** ID tokens are signed with RS256 unless the connection says otherwise (OpenID Connect Core §2, `alg`). */
const USUAL_ALGORITHMS = ['RS256'] as const;

type AskedLogout = { hint: string; returnTo: string; state: string };

/** The requests of a sign-in at a provider. Every function throws for what the provider does wrong. */
export class UpstreamProtocol {
  readonly #clock: Clock;
  readonly #read: typeof globalThis.fetch;
  readonly #fetch: CustomFetch;
  readonly #keys = new WeakMap<Configuration, ReturnType<typeof KeysAt>>();
  readonly #kept = new Map<string, { configuration: Promise<Configuration>; until: number }>();

  constructor({ clock, fetch }: { clock: Clock; fetch: typeof globalThis.fetch }) {
    this.#clock = clock;
    this.#read = fetch;
    this.#fetch = (url, init) => fetch(url, init as RequestInit);
  }

  /** Where to send the browser. */
  async authorizationUrl(upstream: Upstream, request: Transaction & Wishes): Promise<URL> {
    const { connection, provider, redirectUri } = upstream;
    const configuration = await this.#configurationOf(upstream);
    const longer = connection.storesTokens ? (provider.offlineAccess ?? {}) : {};
    const scopes = connection.settings.scopes ?? [...provider.scopes, ...(longer.scopes ?? [])];
    const challenge = provider.takesCodeChallenge ? await calculatePKCECodeChallenge(request.verifier) : undefined;
    const isOpenid = provider.protocol === 'openid';
    const parameters = definedOf({
      ...longer.parameters,
      ...(request.forceAuthentication === true ? provider.forcedAuthentication : {}),
      redirect_uri: redirectUri,
      scope: scopes.join(' ') || undefined,
      state: request.state,
      code_challenge: challenge,
      code_challenge_method: challenge === undefined ? undefined : 'S256',
      nonce: isOpenid ? request.nonce : undefined,
      response_mode: isOpenid ? provider.responseMode : undefined,
      login_hint: isOpenid ? request.loginHint : undefined,
      acr_values: request.needsSecondFactor === true ? contextsOf(connection) : undefined,
    });
    return authorizationUrlOf(configuration, parameters, isOpenid ? await requestKeyOf(upstream) : null);
  }

  /** Swaps the code for tokens, and reads who the user is, from an ID token or from the user endpoint. */
  async claimsOf(upstream: Upstream, transaction: Transaction, parameters: URLSearchParams): Promise<Told> {
    const { provider, redirectUri } = upstream;
    const configuration = await this.#configurationOf(upstream);
    const answer = new URL(redirectUri);
    answer.search = parameters.toString();
    const tokens = await authorizationCodeGrant(configuration, answer, {
      expectedState: transaction.state,
      ...(provider.takesCodeChallenge ? { pkceCodeVerifier: transaction.verifier } : {}),
      ...(provider.protocol === 'openid' ? { expectedNonce: transaction.nonce, idTokenExpected: true } : {}),
    });
    const told =
      provider.protocol === 'openid'
        ? await openidClaims(configuration, upstream.connection, provider, tokens, parameters)
        : await oauthClaims(configuration, upstream, provider, tokens);
    // Kept only where the user can sign out with it.
    const isAskedFor = configuration.serverMetadata().end_session_endpoint !== undefined;
    return {
      ...told,
      signOutHint: isAskedFor ? (tokens.id_token ?? null) : null,
      tokens: this.#tokensOf(tokens),
      properties: propertiesOf(upstream.connection.settings.properties, (name) => valueAt(told.claims, name)),
      seen: written(told.claims),
    };
  }

  /** RFC 6749 §6. Throws AnswerRefused where the new tokens are of another user (OpenID Connect Core §12.2). */
  async refresh(
    upstream: Upstream,
    { refreshToken, subject }: { refreshToken: string; subject: string },
  ): Promise<UpstreamTokenSet> {
    const tokens = await refreshTokenGrant(await this.#configurationOf(upstream), refreshToken);
    const idToken = tokens.claims();
    if (upstream.provider.protocol === 'openid' && idToken !== undefined && idToken.sub !== subject)
      throw new AnswerRefused('the refreshed tokens are of another user');
    return this.#tokensOf(tokens);
  }

  /** RFC 7009 §2.1: with a refresh token the access tokens of its grant end, too. Nothing happens where the provider has no address for it. */
  async revoke(upstream: Upstream, { refreshToken, accessToken }: UpstreamTokenSet): Promise<void> {
    const configuration = await this.#configurationOf(upstream);
    if (configuration.serverMetadata().revocation_endpoint === undefined) return;
    const kind = refreshToken === null ? 'access_token' : 'refresh_token';
    await tokenRevocation(configuration, refreshToken ?? accessToken, { token_type_hint: kind });
  }

  #tokensOf(tokens: TokenEndpointResponse): UpstreamTokenSet {
    const { access_token: accessToken, token_type: tokenType, refresh_token: refreshToken, expires_in: life } = tokens;
    return {
      accessToken,
      tokenType,
      refreshToken: refreshToken ?? null,
      expiresAt: life === undefined ? null : this.#clock.now().getTime() + life * SECOND,
      scope: tokens.scope ?? null,
    };
  }

  /** The session that a logout token of the provider ends. */
  async loggedOut(upstream: Upstream, token: string): Promise<LoggedOut> {
    const { connection, provider } = upstream;
    const configuration = await this.#configurationOf(upstream);
    const { issuer, jwks_uri: address } = configuration.serverMetadata();
    if (provider.protocol !== 'openid' || address === undefined) throw new AnswerRefused('the provider has no keys');
    const { keysAt, readLogoutToken } = await import('./logout-token.ts');
    const keys = this.#keys.get(configuration) ?? keysAt(address, this.#read);
    this.#keys.set(configuration, keys);
    const algorithms = connection.settings.idTokenAlgorithms ?? USUAL_ALGORITHMS;
    return readLogoutToken(token, { issuer, clientId: connection.clientId, algorithms, keys, clock: this.#clock });
  }

  /** OpenID Connect RP-Initiated Logout 1.0 §2; null where the provider has no address for it. */
  async logoutUrl(upstream: Upstream, { hint, returnTo, state }: AskedLogout): Promise<URL | null> {
    const configuration = await this.#configurationOf(upstream);
    if (configuration.serverMetadata().end_session_endpoint === undefined) return null;
    return buildEndSessionUrl(configuration, { id_token_hint: hint, post_logout_redirect_uri: returnTo, state });
  }

  /** Metadata and keys are kept for each state of a connection. */
  #configurationOf(upstream: Upstream): Promise<Configuration> {
    const { id, version } = upstream.connection;
    const key = `${id} ${version}`;
    const now = this.#clock.now().getTime();
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > now) return kept.configuration;
    const configuration = this.#configure(upstream);
    const entry = { configuration, until: now + METADATA_KEPT_FOR };
    configuration.catch(() => (entry.until = this.#clock.now().getTime() + FAILURE_KEPT_FOR));
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    if (this.#kept.size > MOST_KEPT_METADATA) this.#kept.delete(this.#kept.keys().next().value!);
    return configuration;
  }

  async #configure({ connection, provider, secret }: Upstream): Promise<Configuration> {
    const { settings, clientId } = connection;
    const method = methodOf(connection);
    const authentication = await clientAuthenticationOf({ connection, method, secret, clock: this.#clock });
    // The library takes one algorithm or a list, and its type knows one alone.
    const metadata = {
      id_token_signed_response_alg: settings.idTokenAlgorithms ?? USUAL_ALGORITHMS,
    } as unknown as Partial<ClientMetadata>;
    if (provider.protocol === 'openid' && provider.metadata === undefined) {
      const issuer = new URL(settings.issuer ?? provider.issuer!.url);
      return discovery(issuer, clientId, metadata, authentication, {
        [customFetch]: this.#fetch,
        execute: [enableNonRepudiationChecks, ...insecure(issuer)],
      });
    }
    const server = metadataOf(connection, provider);
    const configuration = new Configuration(server, clientId, metadata, authentication);
    configuration[customFetch] =
      provider.protocol === 'oauth' ? async (url, init) => withoutIdToken(await this.#fetch(url, init)) : this.#fetch;
    if (server.jwks_uri !== undefined) enableNonRepudiationChecks(configuration);
    for (const allow of insecure(new URL(server.token_endpoint!))) allow(configuration);
    return configuration;
  }
}

/** Of a provider without a discovery document. */
function metadataOf(connection: Connection, provider: Upstream['provider']): ServerMetadata {
  if (provider.protocol === 'openid') return { issuer: provider.issuer!.url, ...provider.metadata };
  const { authorizationEndpoint, tokenEndpoint } = endpointsOf(connection, provider);
  return {
    issuer: issuerOf(connection, provider),
    authorization_endpoint: authorizationEndpoint,
    token_endpoint: tokenEndpoint,
  };
}

/** Plain http is for providers on this machine, and even those must be in OUTBOUND_ALLOW. */
const insecure = ({ protocol, hostname }: URL) =>
  protocol === 'http:' && isLoopback(hostname) ? [allowInsecureRequests] : [];
