import { hash as digestOf } from 'node:crypto';
import { equalSecrets } from '#kernel/crypto.ts';
import { cryptBase64, cryptDigit } from './crypt-base64.ts';
import { bounded, type Family, matched } from './family.ts';
import { repeat } from './rounds.ts';

/** 2^13 in WordPress; 2^18 are about half a second. */
const MOST_ROUNDS_LOG2 = 18;
/** Five groups of three bytes and one left over, each from its last byte up. */
const ORDER = [[2, 1, 0], [5, 4, 3], [8, 7, 6], [11, 10, 9], [14, 13, 12], [15]] as const;

/** The portable hashes of PHP: `$P$` of WordPress and others, `$H$` of phpBB. */
export const phpassFamily: Family = {
  scheme: 'phpass',
  prefix: /^\$[PH]\$/,
  read(hash) {
    const [count = '', salt = '', tag = ''] = matched(
      /^\$[PH]\$([./A-Za-z0-9])([./A-Za-z0-9]{8})([./A-Za-z0-9]{22})$/,
      hash,
      '$P$ and 31 letters',
    );
    const rounds = 2 ** bounded('the logarithm of the rounds', cryptDigit(count), 7, MOST_ROUNDS_LOG2);
    return async (password) => {
      let digest = digestOf('md5', Buffer.concat([Buffer.from(salt), password]), 'buffer');
      await repeat(rounds, () => {
        digest = digestOf('md5', Buffer.concat([digest, password]), 'buffer');
      });
      return equalSecrets(cryptBase64(digest, ORDER), tag);
    };
  },
};
