import { argon2Family } from './argon2.ts';
import { aspnetIdentityFamily } from './aspnet-identity.ts';
import { bcryptFamily } from './bcrypt.ts';
import { djangoFamily } from './django.ts';
import { type Check, type Family, HashRefusal } from './family.ts';
import { firebaseScryptFamily } from './firebase-scrypt.ts';
import { hmacFamily } from './hmac.ts';
import { ldapFamily } from './ldap.ts';
import { md5CryptFamily } from './md5-crypt.ts';
import { pbkdf2Family } from './pbkdf2.ts';
import { phpassFamily, wordpressFamily } from './phpass.ts';
import { saltedDigestFamily } from './salted-digest.ts';
import { scryptFamily } from './scrypt.ts';
import { shaCryptFamilies } from './sha-crypt.ts';
import { LONGEST_IMPORTED_HASH } from '../limits.ts';

/** Every family that is known. Their beginnings differ, so that a hash says itself what it is. */
const families: readonly Family[] = [
  argon2Family,
  bcryptFamily,
  scryptFamily,
  firebaseScryptFamily,
  pbkdf2Family,
  djangoFamily,
  aspnetIdentityFamily,
  md5CryptFamily,
  ...shaCryptFamilies,
  phpassFamily,
  wordpressFamily,
  ldapFamily,
  saltedDigestFamily,
  hmacFamily,
];

export const schemes: readonly string[] = families.map(({ scheme }) => scheme);

/** The stored form of a foreign hash: its text and its family. Throws HashRefusal. */
export function readForeignHash(hash: string): { scheme: string; check: Check } {
  if (hash.length > LONGEST_IMPORTED_HASH) throw new HashRefusal(`must have at most ${LONGEST_IMPORTED_HASH} letters`);
  const family = families.find(({ prefix }) => prefix.test(hash));
  if (!family) throw new HashRefusal('is of no known kind; password_hash_format says which it is');
  return { scheme: family.scheme, check: family.read(hash) };
}

/**
 * A foreign hash was made of the bytes that were typed then, on whatever keyboard: they are tried as they come, and composed
 * (NFC) where that is something else.
 */
export async function verifyForeignHash(hash: string, password: string): Promise<boolean> {
  const { check } = readForeignHash(hash);
  const composed = password.normalize('NFC');
  return (await check(Buffer.from(password))) || (composed !== password && (await check(Buffer.from(composed))));
}
