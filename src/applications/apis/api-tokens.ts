/** How the access tokens of an API are made. */
export const tokenFormats = ['jwt', 'opaque'] as const;
export type TokenFormat = (typeof tokenFormats)[number];
export const apiSigningAlgs = ['ES256', 'PS256', 'EdDSA', 'Ed25519', 'RS256'] as const;
export type ApiSigningAlg = (typeof apiSigningAlgs)[number];
