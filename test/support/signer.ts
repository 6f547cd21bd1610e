/** A relying party's own keys: what it signs requests, assertions and proofs with, and opens answers with. */
import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export type Signer = {
  alg: string;
  /** The public part, as it is registered. */
  jwk: JWK;
  jwks: { keys: JWK[] };
  privateKey: CryptoKey;
  sign(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
};

export async function createSigner(alg = 'ES256'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk: JWK = { ...(await exportJWK(publicKey)), use: 'sig', alg, kid: randomUUID() };
  return {
    alg,
    jwk,
    jwks: { keys: [jwk] },
    privateKey,
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid: jwk.kid ?? '', ...header }).sign(privateKey),
  };
}

const now = (): number => Math.floor(Date.now() / 1000);

/** RFC 7523 §3: an assertion for the issuer, good once, for a minute. */
export function clientAssertion(
  signer: Signer,
  clientId: string,
  issuer: string,
  claims: JWTPayload = {},
): Promise<string> {
  return signer.sign({
    iss: clientId,
    sub: clientId,
    aud: issuer,
    jti: randomUUID(),
    iat: now(),
    exp: now() + 60,
    ...claims,
  });
}

/** The two parameters of `private_key_jwt`. */
export async function assertionParameters(
  signer: Signer,
  clientId: string,
  issuer: string,
  claims: JWTPayload = {},
): Promise<Record<string, string>> {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await clientAssertion(signer, clientId, issuer, claims),
  };
}

/** RFC 9101 §4: the parameters of a request, signed for the issuer; members that are undefined are left out. */
export function requestObject(
  signer: Signer,
  clientId: string,
  issuer: string,
  parameters: Record<string, unknown>,
  header: Record<string, unknown> = { typ: 'oauth-authz-req+jwt' },
): Promise<string> {
  const claims = {
    iss: clientId,
    aud: issuer,
    client_id: clientId,
    nbf: now(),
    exp: now() + 60,
    jti: randomUUID(),
    ...parameters,
  };
  return signer.sign(Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined)), header);
}
