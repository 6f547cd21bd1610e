import type { KeyPair } from '#saml/messages/module.ts';

/** The keys of this instance, as a service provider needs them. */
export type SamlKeys = {
  signingKey(): Promise<KeyPair>;
  /** Of the present key and of the one before. */
  decryptionKeys(): Promise<readonly string[]>;
  /** In PEM: two of each while they roll over. */
  published(): Promise<{ signing: readonly string[]; encryption: readonly string[] }>;
};
