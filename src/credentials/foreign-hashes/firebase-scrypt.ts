import { createCipheriv } from 'node:crypto';
import { equalSecrets } from '#kernel/crypto.ts';
import { base64Bytes, type Family, matched } from './family.ts';
import { deriveScrypt, scryptCost } from './scrypt.ts';

const KEY_BYTES = 32;
const IV = Buffer.alloc(16);

type FirebaseParameters = {
  signerKey: string;
  saltSeparator: string;
  rounds: number;
  memoryCost: number;
  salt: string;
};

/** Firebase keeps what its whole project shares apart from the hash; we keep it with each, so that each stands for itself. */
export function firebaseForm(hash: string, given: FirebaseParameters): string {
  const { memoryCost, rounds, saltSeparator, signerKey, salt } = given;
  return `$firebase-scrypt$ln=${memoryCost},r=${rounds}$${saltSeparator}$${signerKey}$${salt}$${hash}`;
}

/** scrypt makes a key of the password, with which the signer key of the project is encrypted: that is the hash. */
export const firebaseScryptFamily: Family = {
  scheme: 'firebase-scrypt',
  prefix: /^\$firebase-scrypt\$/,
  read(hash) {
    const [ln, r, separator, signer, salt, tag] = matched(
      /^\$firebase-scrypt\$ln=(\d{1,2}),r=(\d{1,2})\$([^$]*)\$([^$]+)\$([^$]*)\$([^$]+)$/,
      hash,
      '$firebase-scrypt$ln=14,r=8$separator$signer_key$salt$hash',
    );
    const cost = scryptCost(ln, r, '1');
    const salted = Buffer.concat([base64Bytes('the salt', salt), base64Bytes('the salt separator', separator)]);
    const signerKey = base64Bytes('the signer key', signer, KEY_BYTES, 256);
    const expected = base64Bytes('the hash', tag, signerKey.length, signerKey.length);
    return async (password) => {
      const key = await deriveScrypt(password, salted, KEY_BYTES, cost);
      const cipher = createCipheriv('aes-256-ctr', key, IV);
      return equalSecrets(Buffer.concat([cipher.update(signerKey), cipher.final()]), expected);
    };
  },
};
