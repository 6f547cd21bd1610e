/** Keys of one kind replace one another; each kind has its own `current`. Named as the `kty` of its JWKs. */
export type KeyFamily = 'RSA' | 'EC' | 'OKP';

/** What a family signs with; RSA and Ed25519 go by more than one name. The first is that of the key's own id. */
export const keyFamilies: Readonly<Record<KeyFamily, readonly string[]>> = {
  RSA: ['RS256', 'PS256'],
  EC: ['ES256'],
  OKP: ['EdDSA', 'Ed25519'],
};

export const familyNames = Object.keys(keyFamilies) as KeyFamily[];
