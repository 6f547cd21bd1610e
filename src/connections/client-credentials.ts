/** How this instance proves to a provider who it is. */
import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { importPKCS8 } from 'jose';
import {
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  modifyAssertion,
  None,
  PrivateKeyJwt,
} from 'openid-client';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import { methodOf } from './connection-rules.ts';
import type { Connection } from './connection.ts';
import { ASSERTION_SECONDS } from './limits.ts';
import type { ClientAuthentication, Thumbprint } from './providers/provider.ts';
import { providers } from './providers/providers.ts';

type Credentials = {
  connection: Pick<Connection, 'provider' | 'clientId' | 'settings'>;
  method: ClientAuthentication;
  secret: string;
  clock: Clock;
};

/** The authentication of one connection at its token endpoint. */
export async function clientAuthenticationOf(credentials: Credentials): Promise<ClientAuth> {
  const { connection, method, secret, clock } = credentials;
  if (connection.provider === 'apple') return signedSecret({ connection, secret, clock });
  switch (method) {
    case 'client_secret_basic':
      return ClientSecretBasic(secret);
    case 'client_secret_post':
      return ClientSecretPost(secret);
    case 'private_key_jwt':
      return assertion(connection, secret);
    case 'none':
      return None();
  }
}

/** RFC 7523. A provider that knows the key by its certificate finds that by a thumbprint in the header. */
async function assertion({ provider, settings }: Credentials['connection'], secret: string): Promise<ClientAuth> {
  const { keyId: kid, clientCertificate } = settings;
  const row = providers[provider];
  // SHA-1 for AD FS and others who look by it.
  const { algorithm, thumbprints = ['x5t', 'x5t#S256'] } =
    (row.protocol === 'openid' && row.certificateAssertions) || {};
  const named = clientCertificate === undefined ? {} : thumbprintsOf(clientCertificate, thumbprints);
  return PrivateKeyJwt(
    { key: await signingKey(secret, algorithm), ...(kid === undefined ? {} : { kid }) },
    { [modifyAssertion]: (header) => void Object.assign(header, { typ: 'JWT', ...named }) },
  );
}

const digests: Readonly<Record<Thumbprint, string>> = { x5t: 'sha1', 'x5t#S256': 'sha256' };

function thumbprintsOf(certificate: string, names: readonly Thumbprint[]): Record<string, string> {
  const { raw } = new X509Certificate(certificate);
  return Object.fromEntries(names.map((name) => [name, createHash(digests[name]).update(raw).digest('base64url')]));
}

/** The algorithms of private keys (RFC 7518 §3.1, RFC 8037 §3.1). */
const algorithms: Readonly<Record<string, string>> = { rsa: 'RS256', ec: 'ES256', ed25519: 'Ed25519' };

/** The key that signs requests to the provider; null for a client without one. */
export async function requestKeyOf({
  connection,
  secret,
}: Pick<Credentials, 'connection' | 'secret'>): Promise<{ key: CryptoKey; kid?: string; algorithm: string } | null> {
  if (methodOf(connection) !== 'private_key_jwt') return null;
  const { keyId } = connection.settings;
  const algorithm = algorithms[createPrivateKey(secret).asymmetricKeyType ?? ''] ?? '';
  return { key: await signingKey(secret), ...(keyId === undefined ? {} : { kid: keyId }), algorithm };
}

/** A key in any form of PEM. */
function signingKey(pem: string, algorithm?: string) {
  const key = createPrivateKey(pem);
  const pkcs8 = key.export({ type: 'pkcs8', format: 'pem' }) as string;
  return importPKCS8(pkcs8, algorithm ?? algorithms[key.asymmetricKeyType ?? ''] ?? '');
}

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * Apple takes a client secret that the key of the team signs with ES256:
 * https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
 */
function signedSecret({ connection, secret, clock }: Omit<Credentials, 'method'>): ClientAuth {
  const { clientId, settings } = connection;
  return (server, client, body, headers) => {
    const now = epochSeconds(clock);
    const claims = {
      iss: settings.teamId,
      iat: now,
      exp: now + ASSERTION_SECONDS,
      aud: server.issuer,
      sub: clientId,
    };
    const input = `${segment({ alg: 'ES256', kid: settings.keyId })}.${segment(claims)}`;
    const signature = sign('sha256', Buffer.from(input), { key: secret, dsaEncoding: 'ieee-p1363' });
    ClientSecretPost(`${input}.${signature.toString('base64url')}`)(server, client, body, headers);
  };
}
