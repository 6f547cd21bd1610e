import { base64Bytes, type Family, HashRefusal } from './family.ts';
import { pbkdf2Check, type Pbkdf2Digest } from './pbkdf2.ts';

const PREFIX = '$aspnet-identity$';
/** Microsoft.AspNetCore.Cryptography.KeyDerivation.KeyDerivationPrf, by its number. */
const digests: readonly (Pbkdf2Digest | undefined)[] = ['sha1', 'sha256', 'sha512'];
const VERSION_3_HEADER = 13;

/** The column PasswordHash is base64 without a mark of its own, so it gets one. */
export const aspnetForm = (hash: string): string => (hash.startsWith(PREFIX) ? hash : PREFIX + hash);

/** ASP.NET Identity: version 2 (SHA-1, 1,000 iterations) and version 3, which says its parameters itself. */
export const aspnetIdentityFamily: Family = {
  scheme: 'aspnet-identity',
  prefix: /^\$aspnet-identity\$/,
  read(hash) {
    const bytes = base64Bytes('the hash', hash.slice(PREFIX.length), VERSION_3_HEADER + 32, 512);
    if (bytes[0] === 0) {
      if (bytes.length !== 49) throw new HashRefusal('version 2 of ASP.NET Identity has 49 bytes');
      return pbkdf2Check({
        digest: 'sha1',
        iterations: 1000,
        salt: bytes.subarray(1, 17),
        expected: bytes.subarray(17),
      });
    }
    const digest = digests[bytes.readUInt32BE(1)];
    if (bytes[0] !== 1 || !digest) throw new HashRefusal('it is of no known version of ASP.NET Identity');
    const end = VERSION_3_HEADER + bytes.readUInt32BE(9);
    if (bytes.length - end < 16) throw new HashRefusal('its salt leaves no place for the hash');
    return pbkdf2Check({
      digest,
      iterations: bytes.readUInt32BE(5),
      salt: bytes.subarray(VERSION_3_HEADER, end),
      expected: bytes.subarray(end),
    });
  },
};
