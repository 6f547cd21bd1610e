import type { Connection } from './connection.ts';
import {
  buildAuthorizationUrl,
  buildAuthorizationUrlWithJAR,
  buildAuthorizationUrlWithPAR,
  type Configuration,
} from 'openid-client';

type RequestKey = { key: CryptoKey; kid?: string; algorithm: string };

/**
 * Where to send the browser. A pushed request (RFC 9126) does not pass through the browser, so it is signed (RFC 9101) only where the
 * provider demands that. Any other one is signed where the provider knows the key and its algorithm.
 */
export async function authorizationUrlOf(
  configuration: Configuration,
  parameters: Record<string, string>,
  key: RequestKey | null,
): Promise<URL> {
  const {
    require_signed_request_object: isDemanded,
    request_object_signing_alg_values_supported: algorithms = [],
    pushed_authorization_request_endpoint: pushed,
  } = configuration.serverMetadata();
  if (key !== null && (isDemanded === true || (pushed === undefined && algorithms.includes(key.algorithm)))) {
    const signed = await buildAuthorizationUrlWithJAR(configuration, parameters, key);
    return pushed === undefined ? signed : buildAuthorizationUrlWithPAR(configuration, signed.searchParams);
  }
  return pushed === undefined
    ? buildAuthorizationUrl(configuration, parameters)
    : buildAuthorizationUrlWithPAR(configuration, parameters);
}

/** The contexts that say two factors, where they count here (OpenID Connect Core §3.1.2.1, `acr_values`). */
export const contextsOf = ({ trustsFactors, settings }: Connection): string | undefined =>
  trustsFactors ? settings.mfaContexts?.join(' ') : undefined;
