import { createHash, hash as digestOf } from 'node:crypto';
import { equalSecrets } from '#kernel/crypto.ts';
import { cryptBase64, repeat } from './crypt-steps.ts';
import { bounded, type Family, matched } from './family.ts';
import { MOST_SHA_CRYPT_ROUNDS } from '../limits.ts';

type Variant = { digest: 'sha256' | 'sha512'; bytes: number; order: readonly (readonly number[])[] };

/** "Unix crypt using SHA-256 and SHA-512" (U. Drepper, 2008), step 22: which byte of the digest comes when. */
function orderOf(bytes: number, turn: (group: number[]) => number[]): readonly (readonly number[])[] {
  const third = Math.floor(bytes / 3);
  const groups: number[][] = [];
  let group = [0, third, 2 * third];
  for (let i = 0; i < third; i += 1) {
    groups.push(group);
    group = turn(group.map((position) => position + 1));
  }
  return [...groups, bytes % 3 === 2 ? [31, 30] : [63]];
}
const sha256: Variant = { digest: 'sha256', bytes: 32, order: orderOf(32, ([a, b, c]) => [c!, a!, b!]) };
const sha512: Variant = { digest: 'sha512', bytes: 64, order: orderOf(64, ([a, b, c]) => [b!, c!, a!]) };

const DEFAULT_ROUNDS = 5000;

function familyOf(scheme: string, id: string, letters: number, variant: Variant): Family {
  const shape = new RegExp(String.raw`^\$${id}\$(?:rounds=(\d{1,9})\$)?([^$]{0,16})\$([./A-Za-z0-9]{${letters}})$`);
  return {
    scheme,
    prefix: new RegExp(String.raw`^\$${id}\$`),
    read(hash) {
      const [given, salt = '', tag = ''] = matched(shape, hash, `$${id}$rounds=5000$salt$ and ${letters} letters`);
      const rounds = given === undefined ? DEFAULT_ROUNDS : bounded('rounds', given, 1000, MOST_SHA_CRYPT_ROUNDS);
      return async (password) =>
        !password.includes(0) && equalSecrets(await shaCrypt(variant, password, Buffer.from(salt), rounds), tag);
    },
  };
}

/** sha256-crypt and sha512-crypt of glibc. */
export const shaCryptFamilies: readonly Family[] = [
  familyOf('sha256-crypt', '5', 43, sha256),
  familyOf('sha512-crypt', '6', 86, sha512),
];

async function shaCrypt(variant: Variant, password: Buffer, salt: Buffer, rounds: number): Promise<string> {
  const { digest: name, bytes, order } = variant;
  const digest = (...parts: Uint8Array[]) => digestOf(name, Buffer.concat(parts), 'buffer');
  /** As long as `length`, by repetition. */
  const stretched = (block: Buffer, length: number) => Buffer.alloc(length, block);

  const inner = digest(password, salt, password);
  const start = [password, salt, stretched(inner, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) start.push(bits & 1 ? inner : password);
  let current = digest(...start);

  const ofPassword = createHash(name);
  for (let i = 0; i < password.length; i += 1) ofPassword.update(password);
  const p = stretched(ofPassword.digest(), password.length);
  const s = stretched(digest(...Array.from({ length: 16 + current[0]! }, () => salt)), salt.length);

  // One piece of memory for all rounds: a round is five parts at most, none of them longer than these.
  const buffer = Buffer.alloc(2 * p.length + s.length + bytes);
  await repeat(rounds, (round) => {
    const isOdd = round % 2 === 1;
    let at = (isOdd ? p : current).copy(buffer);
    if (round % 3 !== 0) at += s.copy(buffer, at);
    if (round % 7 !== 0) at += p.copy(buffer, at);
    at += (isOdd ? current : p).copy(buffer, at);
    current = digestOf(name, buffer.subarray(0, at), 'buffer');
  });
  return cryptBase64(current, order);
}
