import argon2 from 'argon2';
import { base64Bytes, bounded, type Family, HashRefusal, matched } from './family.ts';

const SHAPE =
  /^\$argon2(?:id|i|d)(?:\$v=(?:16|19))?\$((?:[mtp]=\d+)(?:,[mtp]=\d+){2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
const MOST_MEMORY_KIB = 256 * 1024;
const MOST_PASSES = 32;
const MOST_LANES = 16;
/** Memory times passes: about a second. */
const MOST_WORK_KIB = 1024 * 1024;

/** argon2i, argon2d and argon2id of any parameters, in PHC form. */
export const argon2Family: Family = {
  scheme: 'argon2',
  prefix: /^\$argon2/,
  read(hash) {
    const [given = '', salt, tag] = matched(SHAPE, hash, '$argon2id$v=19$m=65536,t=3,p=4$salt$hash');
    const parameters = Object.fromEntries(given.split(',').map((pair) => pair.split('='))) as Record<string, string>;
    const lanes = bounded('p', parameters['p'], 1, MOST_LANES);
    const memory = bounded('m', parameters['m'], 8 * lanes, MOST_MEMORY_KIB);
    const passes = bounded('t', parameters['t'], 1, MOST_PASSES);
    if (memory * passes > MOST_WORK_KIB) throw new HashRefusal(`m times t must be at most ${MOST_WORK_KIB}`);
    base64Bytes('the salt', salt, 8, 64);
    base64Bytes('the hash', tag, 12, 128);
    return (password) => argon2.verify(hash, password);
  },
};
