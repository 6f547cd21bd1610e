/** DPoP proofs (RFC 9449 §4.2), right ones and wrong ones. */
import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, type JWK, SignJWT } from 'jose';

export type ProofKey = { privateKey: KeyObject; jwk: JWK; thumbprint: string };
export type ProofChange = {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Signs instead of the key that the header shows. */
  signer?: KeyObject;
};

export async function proofKey(): Promise<ProofKey> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' }) as JWK;
  return { privateKey, jwk, thumbprint: await calculateJwkThumbprint(jwk) };
}

/** A proof for one request; with `token` for one that shows it. A claim that is undefined is left out. */
export function proofFor(
  key: ProofKey,
  method: string,
  url: string,
  { claims = {}, header = {}, signer = key.privateKey }: ProofChange = {},
  token?: string,
): Promise<string> {
  const all = {
    htm: method,
    htu: url,
    iat: Math.floor(Date.now() / 1000),
    jti: randomUUID(),
    ...(token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }),
    ...claims,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(given).setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk, ...header }).sign(signer);
}
