import { bcryptFamily } from './bcrypt.ts';
import { type Check, HashRefusal } from './family.ts';
import { md5CryptFamily } from './md5-crypt.ts';
import { shaCryptFamilies } from './sha-crypt.ts';

const families = [...shaCryptFamilies, md5CryptFamily, bcryptFamily];

/** The formats of Unix crypt(3), except the old DES format, which used only eight characters. */
export function readCrypt(hash: string): Check {
  const family = families.find(({ prefix }) => prefix.test(hash));
  if (!family) throw new HashRefusal('crypt of another kind than $1$, $2b$, $5$ and $6$ is not taken');
  return family.read(hash);
}
