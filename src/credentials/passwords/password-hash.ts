import { hash as hashOf, parseOptions, verify } from '@node-rs/argon2';

/** Memory in KiB, and passes over it. */
export type HashCost = Readonly<{ memoryCost: number; timeCost: number }>;

/** OWASP ASVS 5.0, appendix C: argon2id with 19 MiB, two passes, one lane; 16 bytes of salt, 32 of tag. */
export const safeHashCost: HashCost = { memoryCost: 19_456, timeCost: 2 };
/** RFC 9106 §3.1: the type argon2id, and version 1.3. */
const ARGON2ID = 2;
const VERSION_13 = 1;

/** The argon2id parameters for a cost (RFC 9106): one lane, 32 bytes. */
export const argon2idOptions = ({ memoryCost, timeCost }: HashCost) => ({
  algorithm: ARGON2ID,
  version: VERSION_13,
  memoryCost,
  timeCost,
  parallelism: 1,
  outputLen: 32,
});

/** One Unicode normalisation in every path, so that a password typed on another keyboard is the same password. */
const normalized = (password: string) => password.normalize('NFC');

/** Hashes a normalized password with argon2id; returns the PHC string. */
export function hashPassword(password: string, cost: HashCost = safeHashCost): Promise<string> {
  return hashOf(normalized(password), argon2idOptions(cost));
}

/** Compares a password with an argon2 hash in PHC form. */
export function verifyPassword(hash: string, password: string): Promise<boolean> {
  return verify(hash, normalized(password));
}

/** Whether a hash has other parameters than `cost` and should be replaced. */
export function isOutdated(hash: string, cost: HashCost = safeHashCost): boolean {
  const used = parseOptions(hash);
  const wanted = argon2idOptions(cost);
  return (Object.keys(wanted) as (keyof typeof wanted)[]).some((name) => used[name] !== wanted[name]);
}
