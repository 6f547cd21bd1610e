import { createHmac } from 'node:crypto';
import { readBcrypt } from './bcrypt.ts';
import type { Family } from './family.ts';

const PREFIX = '$wp';

/** WordPress since 6.8 (wp_hash_password): bcrypt over a digest, so that no password is cut. */
export const wordpressFamily: Family = {
  scheme: 'wordpress',
  prefix: /^\$wp\$/,
  read(hash) {
    const check = readBcrypt(hash.slice(PREFIX.length));
    return (password) => check(Buffer.from(createHmac('sha384', 'wp-sha384').update(password).digest('base64')));
  },
};
