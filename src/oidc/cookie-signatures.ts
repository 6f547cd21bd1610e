import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { equalSecrets, type KeyRing } from '#kernel/crypto.ts';

/** The cookie signatures of Koa and the engine. */
type Signer = { sign(data: string): string; verify(data: string, signature: string): boolean; index: Find };
type Find = (data: string, signature: string) => number;

/**
 * The signatures of Keygrip, which Koa would make of a list of keys. Keygrip compares by two MACs under a key that is a new
 * buffer each time, and Node spends longer on those than on the signature.
 */
export function cookieSignatures(keyRing: Pick<KeyRing, 'deriveKeys'>): Signer {
  const keys = keyRing
    .deriveKeys('engine-cookies')
    .map((key) => createSecretKey(Buffer.from(key.export().toString('base64url'))));
  const index: Find = (data, signature) => keys.findIndex((key) => equalSecrets(signed(key, data), signature));
  return {
    sign: (data) => signed(keys[0]!, data),
    verify: (data, signature) => index(data, signature) !== -1,
    index,
  };
}

const signed = (key: KeyObject, data: string): string => createHmac('sha1', key).update(data).digest('base64url');
