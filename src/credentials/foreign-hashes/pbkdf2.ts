import { pbkdf2 as pbkdf2WithCallback } from 'node:crypto';
import { promisify } from 'node:util';
import { equalSecrets } from '#kernel/crypto.ts';
import { base64Bytes, bounded, type Check, type Family, matched } from './family.ts';
import { MOST_PBKDF2_ITERATIONS } from '../limits.ts';

const pbkdf2 = promisify(pbkdf2WithCallback);

const digestBytes = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;
export type Pbkdf2Digest = keyof typeof digestBytes;

type Pbkdf2 = { digest: Pbkdf2Digest; iterations: number | string | undefined; salt: Buffer; expected: Buffer };

/**
 * Compares the first block alone: each block of PBKDF2 costs all iterations again and says nothing that the first does not
 * (Keycloak derives four of SHA-1).
 */
export function pbkdf2Check({ digest, iterations, salt, expected }: Pbkdf2): Check {
  const count = bounded('the number of iterations', iterations, 1, MOST_PBKDF2_ITERATIONS);
  const compared = expected.subarray(0, digestBytes[digest]);
  return async (password) => equalSecrets(await pbkdf2(password, salt, count, compared.length, digest), compared);
}

/** The PHC form (`i=`), and the form of passlib, which has the bare number. */
export const pbkdf2Family: Family = {
  scheme: 'pbkdf2',
  prefix: /^\$pbkdf2/,
  read(hash) {
    const [digest = 'sha1', iterations, salt, tag] = matched(
      /^\$pbkdf2(?:-(sha1|sha256|sha384|sha512))?\$(?:i=)?(\d{1,9})(?:,l=\d{1,3})?\$([^$]*)\$([^$]+)$/,
      hash,
      '$pbkdf2-sha256$i=600000$salt$hash',
    );
    return pbkdf2Check({
      digest: digest as Pbkdf2Digest,
      iterations,
      salt: base64Bytes('the salt', salt),
      expected: base64Bytes('the hash', tag, 16, 512),
    });
  },
};
