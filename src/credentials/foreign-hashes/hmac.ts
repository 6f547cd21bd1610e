import { createHmac } from 'node:crypto';
import { equalSecrets } from '#kernel/crypto.ts';
import { base64Bytes, type Family, HashRefusal, matched } from './family.ts';
import { type Digest, digestBytes } from './salted-digest.ts';

/** The text that is kept of one: the key, which the passwords of a whole system share, and the hash. Throws HashRefusal without a key. */
export function hmacForm(digest: Digest, key: Buffer, expected: Buffer): string {
  if (key.length === 0) throw new HashRefusal('the key must not be empty');
  return `$hmac-${digest}$${key.toString('base64')}$${expected.toString('base64')}`;
}

/** HMAC (RFC 2104) of the password. */
export const hmacFamily: Family = {
  scheme: 'hmac',
  prefix: /^\$hmac-/,
  read(hash) {
    const [digest, key, tag] = matched(
      /^\$hmac-(md5|sha1|sha256|sha384|sha512)\$([^$]+)\$([^$]+)$/,
      hash,
      '$hmac-sha256$key$hash',
    );
    const bytes = digestBytes[digest as Digest];
    const secret = base64Bytes('the key', key, 1);
    const expected = base64Bytes('the hash', tag, bytes, bytes);
    return async (password) =>
      equalSecrets(
        createHmac(digest as Digest, secret)
          .update(password)
          .digest(),
        expected,
      );
  },
};
