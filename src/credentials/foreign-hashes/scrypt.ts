import { scrypt as scryptWithCallback, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import { equalSecrets } from '#kernel/crypto.ts';
import { base64Bytes, bounded, type Check, type Family, HashRefusal, matched } from './family.ts';
import { MOST_SCRYPT_BYTES, MOST_SCRYPT_WORK } from '../limits.ts';

const scrypt = promisify<Buffer, Buffer, number, ScryptOptions, Buffer>(scryptWithCallback);

type ScryptCost = { N: number; r: number; p: number };

/** Reads scrypt parameters (RFC 7914). Throws HashRefusal above 128 MiB of memory or above the work limit. */
export function scryptCost(
  log2N: string | number | undefined,
  r: string | undefined,
  p: string | undefined,
): ScryptCost {
  const cost = { N: 2 ** bounded('ln', log2N, 1, 20), r: bounded('r', r, 1, 32), p: bounded('p', p, 1, 16) };
  if (128 * cost.N * cost.r > MOST_SCRYPT_BYTES) throw new HashRefusal('it must need at most 128 MiB of memory');
  if (cost.N * cost.r * cost.p > MOST_SCRYPT_WORK)
    throw new HashRefusal(`N times r times p must be at most ${MOST_SCRYPT_WORK}`);
  return cost;
}

/** Derives `length` bytes with scrypt (RFC 7914) on the thread pool. */
export function deriveScrypt(password: Buffer, salt: Buffer, length: number, cost: ScryptCost): Promise<Buffer> {
  return scrypt(password, salt, length, { ...cost, maxmem: 2 * MOST_SCRYPT_BYTES });
}

/** The check of an scrypt hash, in constant time. */
export function scryptCheck(cost: ScryptCost, salt: Buffer, expected: Buffer): Check {
  return async (password) => equalSecrets(await deriveScrypt(password, salt, expected.length, cost), expected);
}

/** PHC form, as libsodium's users and passlib write it. */
export const scryptFamily: Family = {
  scheme: 'scrypt',
  prefix: /^\$scrypt\$/,
  read(hash) {
    const [ln, r, p, salt, tag] = matched(
      /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([^$]*)\$([^$]+)$/,
      hash,
      '$scrypt$ln=16,r=8,p=1$salt$hash',
    );
    return scryptCheck(scryptCost(ln, r, p), base64Bytes('the salt', salt), base64Bytes('the hash', tag, 16, 128));
  },
};
