import { argon2Family } from './argon2.ts';
import { base64Bytes, type Family, HashRefusal, matched, type Check } from './family.ts';
import { type Digest, saltedDigestCheck } from './salted-digest.ts';
import { bcryptFamily } from './bcrypt.ts';
import { md5CryptFamily } from './md5-crypt.ts';
import { shaCryptFamilies } from './sha-crypt.ts';

const families = [...shaCryptFamilies, md5CryptFamily, bcryptFamily];

/** The formats of Unix crypt(3), except the old DES format, which used only eight characters. */
function readCrypt(hash: string): Check {
  const family = families.find(({ prefix }) => prefix.test(hash));
  if (!family) throw new HashRefusal('crypt of another kind than $1$, $2b$, $5$ and $6$ is not taken');
  return family.read(hash);
}

const digests: Readonly<Record<string, { digest: Digest; bytes: number }>> = {
  MD5: { digest: 'md5', bytes: 16 },
  SHA: { digest: 'sha1', bytes: 20 },
  SHA256: { digest: 'sha256', bytes: 32 },
  SHA384: { digest: 'sha384', bytes: 48 },
  SHA512: { digest: 'sha512', bytes: 64 },
};

/** RFC 2307 §5.3 and what OpenLDAP adds: `{SSHA}` is base64 of the digest with the salt behind it. */
export const ldapFamily: Family = {
  scheme: 'ldap',
  prefix: /^\{[A-Za-z0-9-]+\}/,
  read(hash) {
    const [name = '', value = ''] = matched(/^\{([A-Za-z0-9-]+)\}(.+)$/s, hash, '{SSHA} and base64');
    const scheme = name.toUpperCase();
    if (scheme === 'CRYPT') return readCrypt(value);
    if (scheme === 'ARGON2') return argon2Family.read(value);
    const isSalted = scheme.startsWith('SSHA') || scheme === 'SMD5';
    const known = digests[isSalted ? scheme.slice(1) : scheme];
    if (!known) throw new HashRefusal(`{${name}} is not known`);
    const bytes = base64Bytes('the value', value, known.bytes + (isSalted ? 1 : 0), known.bytes + (isSalted ? 256 : 0));
    return saltedDigestCheck({
      digest: known.digest,
      template: '{password}{salt}',
      salt: bytes.subarray(known.bytes),
      expected: bytes.subarray(0, known.bytes),
    });
  },
};
