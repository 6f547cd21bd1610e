import {
  allowInsecureRequests,
  authorizationCodeGrant,
  AuthorizationResponseError,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  ClientError,
  type Configuration,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  ResponseBodyError,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import type { Config } from '#kernel/config.ts';
import { isLoopback } from '#kernel/issuer.ts';
import { OutboundError, createOutbound } from '#kernel/http/outbound.ts';
import { DEMO_CLIENT_ID, DEMO_SCOPE, type DemoAddresses } from './demo-client.ts';
import type { DemoFailure, DemoTokens, PendingSignIn } from './demo-visits.ts';
import { bareHost } from '#kernel/http/address.ts';
import type { Log } from '#kernel/log.ts';

type RelyingPartyDependencies = {
  config: Pick<Config, 'issuerUrl'>;
  addresses: DemoAddresses;
  fetch: ProviderFetch['fetch'];
};

type Answer = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** The work of every relying party, with a certified library. Every function may throw; see `failureOf`. */
export class RelyingParty {
  readonly #deps: RelyingPartyDependencies;

  constructor(dependencies: RelyingPartyDependencies) {
    this.#deps = dependencies;
  }

  /** Where to send the browser, and what to remember until it is back. */
  async begin(): Promise<{ url: URL; state: string; pending: Pick<PendingSignIn, 'verifier' | 'nonce'> }> {
    const provider = await this.#discover();
    const [verifier, state, nonce] = [randomPKCECodeVerifier(), randomState(), randomNonce()];
    const url = buildAuthorizationUrl(provider, {
      redirect_uri: this.#deps.addresses.callback,
      scope: DEMO_SCOPE,
      // OpenID Connect Core §11: a refresh token for offline use is given with the person's consent.
      prompt: 'consent',
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return { url, state, pending: { verifier, nonce } };
  }

  /** Swaps the code that came with `query` for tokens, and checks everything about them. */
  async finish(query: string, state: string, { verifier, nonce }: PendingSignIn): Promise<DemoTokens> {
    const provider = await this.#discover();
    const answer = await authorizationCodeGrant(provider, new URL(`${this.#deps.addresses.callback}?${query}`), {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    });
    return tokensOf(answer, null);
  }

  async refresh(tokens: DemoTokens, refreshToken: string): Promise<DemoTokens> {
    return tokensOf(await refreshTokenGrant(await this.#discover(), refreshToken), tokens);
  }

  async userinfo({ accessToken, claims }: DemoTokens): Promise<Readonly<Record<string, unknown>>> {
    return fetchUserInfo(await this.#discover(), accessToken, claims.sub);
  }

  async signOutUrl({ idToken }: DemoTokens): Promise<URL> {
    return buildEndSessionUrl(await this.#discover(), {
      id_token_hint: idToken,
      post_logout_redirect_uri: this.#deps.addresses.home,
    });
  }

  /** Asked afresh each time: this app runs with a provider whose keys and settings change during a trial. */
  async #discover(): Promise<Configuration> {
    const { issuerUrl } = this.#deps.config;
    // It also checks signatures where TLS alone would do (OpenID Connect Core §3.1.3.7): the page says that it does.
    const execute = [enableNonRepudiationChecks, ...(issuerUrl.protocol === 'http:' ? [allowInsecureRequests] : [])];
    return discovery(issuerUrl, DEMO_CLIENT_ID, undefined, None(), {
      execute,
      [customFetch]: (url, init) => this.#deps.fetch(url, init as RequestInit),
    });
  }
}

function tokensOf(answer: Answer, before: DemoTokens | null): DemoTokens {
  // A refresh may leave the ID token out (OpenID Connect Core §12.2); the statement about the sign-in then stays.
  const claims = answer.claims() ?? before?.claims;
  const idToken = answer.id_token ?? before?.idToken;
  if (!claims || !idToken) throw new TypeError('an answer without an ID token passed the checks');
  return {
    idToken,
    claims,
    accessToken: answer.access_token,
    expiresInSeconds: answer.expiresIn() ?? 0,
    scope: answer.scope ?? before?.scope ?? DEMO_SCOPE,
    refreshToken: answer.refresh_token ?? before?.refreshToken ?? null,
  };
}

/** The error for the page; null for a fault of this program. */
export function failureOf(error: unknown): DemoFailure | null {
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError)
    return { error: error.error, description: error.error_description ?? null };
  if (error instanceof WWWAuthenticateChallengeError) {
    const { error: name = 'unauthorized', error_description: description } = error.cause[0]?.parameters ?? {};
    return { error: name, description: description ?? null };
  }
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (at instanceof OutboundError) return { error: 'provider_unreachable', description: null };
  return error instanceof ClientError ? { error: error.code ?? 'client_error', description: error.message } : null;
}

type ProviderFetch = { fetch: (url: string, init: RequestInit) => Promise<Response>; close(): Promise<void> };

/**
 * The way of the demo to its provider: HTTP like any other relying party's, and to that one host alone.
 *
 * An issuer on loopback is this process, and its name may resolve to an address without a listener: `localhost` to
 * the wrong family, `id.localhost` to none.
 */
export function createProviderFetch({ issuerUrl, host }: Pick<Config, 'issuerUrl' | 'host'>, log: Log): ProviderFetch {
  const listening = isLoopback(host) ? bareHost(host) : '127.0.0.1';
  const outbound = createOutbound({
    allow: [bareHost(issuerUrl.hostname)],
    log,
    ...(isLoopback(issuerUrl.hostname) ? { resolve: async () => [listening] } : {}),
  });
  return { fetch: (url, init) => outbound.fetch(url, init), close: () => outbound.close() };
}
