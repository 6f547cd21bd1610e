import { hash as digestOf } from 'node:crypto';
import { argon2Family } from './argon2.ts';
import { readBcrypt } from './bcrypt.ts';
import { base64Bytes, type Check, type Family, HashRefusal, hexBytes, matched } from './family.ts';
import { pbkdf2Check } from './pbkdf2.ts';
import { saltedDigestCheck } from './salted-digest.ts';
import { scryptCheck, scryptCost } from './scrypt.ts';

/** How the hashers of Django (django.contrib.auth.hashers) write: the name of the algorithm stands first. */
const hashers: Readonly<Record<string, (rest: string) => Check>> = {
  pbkdf2_sha256: (rest) => pbkdf2(rest, 'sha256'),
  pbkdf2_sha1: (rest) => pbkdf2(rest, 'sha1'),
  argon2: (rest) => argon2Family.read(`$${rest}`),
  bcrypt: readBcrypt,
  bcrypt_sha256(rest) {
    const check = readBcrypt(rest);
    return (password) => check(Buffer.from(digestOf('sha256', password, 'hex')));
  },
  scrypt(rest) {
    const [n, salt = '', r, p, tag] = matched(
      /^(\d{1,8})\$([^$]*)\$(\d{1,2})\$(\d{1,2})\$([^$]+)$/,
      rest,
      'scrypt$16384$salt$8$1$hash',
    );
    return scryptCheck(
      scryptCost(Math.log2(Number(n)), r, p),
      Buffer.from(salt),
      base64Bytes('the hash', tag, 16, 128),
    );
  },
  sha1: (rest) => digest(rest, 'sha1'),
  md5: (rest) => digest(rest, 'md5'),
};

function pbkdf2(rest: string, name: 'sha1' | 'sha256'): Check {
  const [iterations, salt = '', tag] = matched(/^(\d{1,9})\$([^$]*)\$([^$]+)$/, rest, 'pbkdf2_sha256$600000$salt$hash');
  return pbkdf2Check({
    digest: name,
    iterations,
    salt: Buffer.from(salt),
    expected: base64Bytes('the hash', tag, 16, 64),
  });
}

function digest(rest: string, name: 'sha1' | 'md5'): Check {
  const [salt = '', tag = ''] = matched(/^([^$]*)\$([^$]+)$/, rest, `${name}$salt$hash`);
  return saltedDigestCheck({
    digest: name,
    template: '{salt}{password}',
    salt: Buffer.from(salt),
    expected: hexBytes('the hash', tag),
  });
}

export const djangoFamily: Family = {
  scheme: 'django',
  prefix: new RegExp(`^(?:${Object.keys(hashers).join('|')})\\$`),
  read(hash) {
    const at = hash.indexOf('$');
    const hasher = hashers[hash.slice(0, at)];
    if (!hasher) throw new HashRefusal('it is of no known hasher of Django');
    return hasher(hash.slice(at + 1));
  },
};
