import { hash as digestOf, createHmac } from 'node:crypto';
import { equalSecrets } from '#kernel/crypto.ts';
import { cryptBase64, cryptDigit, repeat } from './crypt-steps.ts';
import { bounded, type Family, HashRefusal, matched } from './family.ts';
import { MOST_PHPASS_ROUNDS_LOG2 } from '../limits.ts';
import { readBcrypt } from './bcrypt.ts';

const inThrees = (bytes: number) =>
  Array.from({ length: Math.ceil(bytes / 3) }, (_, group) =>
    [3 * group + 2, 3 * group + 1, 3 * group].filter((position) => position < bytes),
  );

/** Each with the characters of its hash; Drupal truncates its hash to fit the column. */
const variants = {
  P: { digest: 'md5', letters: 22, order: inThrees(16) },
  H: { digest: 'md5', letters: 22, order: inThrees(16) },
  S: { digest: 'sha512', letters: 43, order: inThrees(64) },
} as const;

/** The portable hashes of PHP: `$P$` of WordPress and others, `$H$` of phpBB, `$S$` of Drupal 7 to 10. */
export const phpassFamily: Family = {
  scheme: 'phpass',
  prefix: /^\$[PHS]\$/,
  read(hash) {
    const [kind, count = '', salt = '', tag = ''] = matched(
      /^\$([PHS])\$([./A-Za-z0-9])([./A-Za-z0-9]{8})([./A-Za-z0-9]+)$/,
      hash,
      '$P$ and 31 letters, or $S$ and 52',
    );
    const { digest: name, letters, order } = variants[kind as keyof typeof variants];
    if (tag.length !== letters) throw new HashRefusal(`must have ${letters} letters behind its salt`);
    const rounds = 2 ** bounded('the logarithm of the rounds', cryptDigit(count), 7, MOST_PHPASS_ROUNDS_LOG2);
    return async (password) => {
      let digest = digestOf(name, Buffer.concat([Buffer.from(salt), password]), 'buffer');
      await repeat(rounds, () => {
        digest = digestOf(name, Buffer.concat([digest, password]), 'buffer');
      });
      return equalSecrets(cryptBase64(digest, order).slice(0, letters), tag);
    };
  },
};

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
