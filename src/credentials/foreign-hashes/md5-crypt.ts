import { createHash } from 'node:crypto';
import { equalSecrets } from '#kernel/crypto.ts';
import { cryptBase64, repeat } from './crypt-steps.ts';
import { type Family, matched } from './family.ts';

const ROUNDS = 1000;
const ORDER = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]] as const;

/** `$1$` of FreeBSD and `$apr1$` of Apache, which differ in that word alone. */
export const md5CryptFamily: Family = {
  scheme: 'md5-crypt',
  prefix: /^\$(?:1|apr1)\$/,
  read(hash) {
    const [magic = '', salt = '', tag = ''] = matched(
      /^(\$(?:1|apr1)\$)([^$]{0,8})\$([./A-Za-z0-9]{22})$/,
      hash,
      '$1$salt$ and 22 letters',
    );
    return async (password) =>
      !password.includes(0) && equalSecrets(await md5Crypt(password, Buffer.from(salt), Buffer.from(magic)), tag);
  },
};

async function md5Crypt(password: Buffer, salt: Buffer, magic: Buffer): Promise<string> {
  const md5 = (...parts: Uint8Array[]) => createHash('md5').update(Buffer.concat(parts)).digest();
  const inner = md5(password, salt, password);
  const parts = [password, magic, salt];
  for (let left = password.length; left > 0; left -= 16) parts.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = password.length; bits > 0; bits >>= 1)
    parts.push(bits & 1 ? Buffer.alloc(1) : password.subarray(0, 1));
  let digest = md5(...parts);
  await repeat(ROUNDS, (round) => {
    const isOdd = round % 2 === 1;
    digest = md5(
      isOdd ? password : digest,
      round % 3 === 0 ? Buffer.alloc(0) : salt,
      round % 7 === 0 ? Buffer.alloc(0) : password,
      isOdd ? digest : password,
    );
  });
  return cryptBase64(digest, ORDER);
}
