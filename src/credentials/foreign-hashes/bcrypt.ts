import bcrypt from 'bcrypt';
import { bounded, type Check, type Family, matched } from './family.ts';
import { MOST_BCRYPT_COST } from '../limits.ts';

/** Longer passwords were truncated by the old system too. A longer one would overflow in the oldest form ($2a$). */
const SIGNIFICANT_BYTES = 72;

/** $2a$, $2b$ and $2y$; $2x$ marks hashes of a broken version that took different passwords for the same. */
export function readBcrypt(hash: string): Check {
  const [, cost] = matched(
    /^\$2([aby])\$(\d\d)\$[./A-Za-z0-9]{22}[./A-Za-z0-9]{31}$/,
    hash,
    '$2b$12$ and 53 letters ($2x$ is not taken)',
  );
  bounded('the cost', cost, 4, MOST_BCRYPT_COST);
  return async (password) => {
    // Where the maker's bcrypt read C strings, what stands behind a NUL was never checked.
    if (password.includes(0)) return false;
    return bcrypt.compare(password.subarray(0, SIGNIFICANT_BYTES), hash.replace(/^\$2y/, '$2b'));
  };
}

export const bcryptFamily: Family = { scheme: 'bcrypt', prefix: /^\$2[a-z]\$/, read: readBcrypt };
