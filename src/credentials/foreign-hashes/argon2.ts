import argon2 from 'argon2';
import { base64Bytes, bounded, type Family, HashRefusal, matched } from './family.ts';
import { MOST_ARGON2_KIB, MOST_ARGON2_LANES, MOST_ARGON2_PASSES, MOST_ARGON2_WORK_KIB } from '../limits.ts';

const SHAPE =
  /^\$argon2(?:id|i|d)(?:\$v=(?:16|19))?\$((?:[mtp]=\d+)(?:,[mtp]=\d+){2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** argon2i, argon2d and argon2id of any parameters, in PHC form. */
export const argon2Family: Family = {
  scheme: 'argon2',
  prefix: /^\$argon2/,
  read(hash) {
    const [given = '', salt, tag] = matched(SHAPE, hash, '$argon2id$v=19$m=65536,t=3,p=4$salt$hash');
    const parameters = Object.fromEntries(given.split(',').map((pair) => pair.split('='))) as Record<string, string>;
    const lanes = bounded('p', parameters['p'], 1, MOST_ARGON2_LANES);
    const memory = bounded('m', parameters['m'], 8 * lanes, MOST_ARGON2_KIB);
    const passes = bounded('t', parameters['t'], 1, MOST_ARGON2_PASSES);
    if (memory * passes > MOST_ARGON2_WORK_KIB)
      throw new HashRefusal(`m times t must be at most ${MOST_ARGON2_WORK_KIB}`);
    base64Bytes('the salt', salt, 8, 64);
    base64Bytes('the hash', tag, 12, 128);
    return (password) => argon2.verify(hash, password);
  },
};
