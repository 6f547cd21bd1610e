/** Rules for the keys with which this instance proves itself at a provider. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Connection, ConnectionSettings } from './connection.ts';
import type { Provider, SamlProvider } from './providers/provider.ts';
import { providers, titleOf } from './providers/providers.ts';

type Keyed = Pick<Connection, 'provider' | 'settings'>;

/** The problem with the names of the key at the provider. */
export function keyProblem({ provider, settings }: Keyed, method: string): string | null {
  if (provider !== 'apple') {
    if (settings.teamId !== undefined) return 'team_id belongs to apple';
    return settings.keyId === undefined || method === 'private_key_jwt' ? null : 'key_id belongs to private_key_jwt';
  }
  if (settings.teamId === undefined) return 'team_id must be given';
  return settings.keyId === undefined ? 'key_id must be given' : null;
}

/** Nothing else: a file that holds the private key, too, would be shown with it. */
const ONE_CERTIFICATE = /^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----$/;

/** The problem with the certificate, or with its absence. */
export function certificateProblem(
  provider: Exclude<Provider, SamlProvider>,
  { clientCertificate: pem }: ConnectionSettings,
  method: string,
): string | null {
  const isNeeded = hasCertificateAssertions(provider);
  if (pem === undefined)
    return isNeeded && method === 'private_key_jwt'
      ? `${provider.title} knows a private key by its certificate, so client_certificate must be given`
      : null;
  if (method !== 'private_key_jwt') return 'client_certificate belongs to private_key_jwt';
  return ONE_CERTIFICATE.test(pem) && publicKeyOf(pem) !== null
    ? null
    : 'client_certificate must be one certificate in PEM, without its private key';
}

const hasCertificateAssertions = (provider: Provider): boolean =>
  provider.protocol === 'openid' && provider.certificateAssertions !== undefined;

function publicKeyOf(certificate: string): KeyObject | null {
  try {
    return new X509Certificate(certificate).publicKey;
  } catch {
    return null;
  }
}

/** The problem with a secret that is in the clear. */
export function secretProblem({ provider, settings }: Keyed, method: string, secret: string): string | null {
  if (method === 'none') return 'client_authentication none has no secret';
  if (provider === 'apple')
    return kindOfKey(secret) === 'P-256' ? null : 'client_secret of Apple is the content of its .p8 file';
  if (method !== 'private_key_jwt')
    // Sent as a shared secret, the key would be in the hands of the provider.
    return secret.includes('PRIVATE KEY-----')
      ? 'client_secret is a private key, which belongs to private_key_jwt'
      : null;
  const [kind, { clientCertificate: pem }] = [kindOfKey(secret), settings];
  if (kind === null)
    return 'client_secret must be a private key in PEM: RSA with 2048 bits or more, EC on P-256, or Ed25519';
  if (hasCertificateAssertions(providers[provider]) && kind !== 'rsa')
    return `client_secret of ${titleOf(provider)} must be a private key of RSA`;
  return pem === undefined || publicKeyOf(pem)?.equals(createPublicKey(secret)) === true
    ? null
    : 'client_certificate is not the certificate of client_secret; give both together';
}

function kindOfKey(pem: string): 'rsa' | 'P-256' | 'ed25519' | null {
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPrivateKey(pem);
    if (type === 'rsa') return (details?.modulusLength ?? 0) >= 2048 ? type : null;
    if (type === 'ec') return details?.namedCurve === 'prime256v1' ? 'P-256' : null;
    return type === 'ed25519' ? type : null;
  } catch {
    return null;
  }
}
