import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, type JWK } from 'jose';

const generate = promisify(generateKeyPair);

export type PublicJwk = Readonly<{ kid: string; kty: string; use: 'sig'; alg: string } & JWK>;
export type PrivateJwk = PublicJwk & Readonly<{ d: string }>;
/** As it is kept, for all algorithms of its family. */
export type StoredJwk = Omit<PrivateJwk, 'alg'>;

export type RsaBits = 2048 | 3072 | 4096;

/** Private members of RFC 7518 §6.2.2, §6.3.2 and §6.4; none may ever be published. */
const privateMembers = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']);

/** Makes a key on the thread pool; RSA takes a good part of a second. */
export async function generateSigningKey(family: KeyFamily, rsaBits: RsaBits): Promise<StoredJwk> {
  const { privateKey } = await pairOf(family, rsaBits);
  const jwk = privateKey.export({ format: 'jwk' }) as JWK;
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), use: 'sig' } as StoredJwk;
}

/**
 * A key as it signs and is published: one JWK for each algorithm, each with its `alg` (RFC 7517 §4.4), because many clients use no key
 * without one. Ids in a set are distinct (RFC 7517 §4.5), so that each after the first names its algorithm.
 */
export function forEachAlgorithm(jwk: StoredJwk, family: KeyFamily): readonly PrivateJwk[] {
  return keyFamilies[family].map((alg, at) => ({
    ...jwk,
    kid: at === 0 ? jwk.kid : `${jwk.kid}.${alg}`,
    use: 'sig',
    alg,
  }));
}

function pairOf(family: KeyFamily, rsaBits: RsaBits): Promise<{ privateKey: KeyObject }> {
  switch (family) {
    case 'RSA':
      return generate('rsa', { modulusLength: rsaBits });
    case 'EC':
      return generate('ec', { namedCurve: 'P-256' });
    case 'OKP':
      return generate('ed25519');
  }
}

/** The public members of a JWK (RFC 7517), without private ones. */
export function publicHalf<J extends StoredJwk>(jwk: J): Omit<J, 'd'> {
  return Object.fromEntries(Object.entries(jwk).filter(([member]) => !privateMembers.has(member))) as Omit<J, 'd'>;
}

/** Keys of one kind replace one another; each kind has its own `current`. Named as the `kty` of its JWKs. */
export type KeyFamily = 'RSA' | 'EC' | 'OKP';

/** The signature algorithms of a family; RSA and Ed25519 have more than one. The first uses the key's own id. */
const keyFamilies: Readonly<Record<KeyFamily, readonly string[]>> = {
  RSA: ['RS256', 'PS256'],
  EC: ['ES256'],
  OKP: ['EdDSA', 'Ed25519'],
};

export const familyNames = Object.keys(keyFamilies) as KeyFamily[];
