import argon2 from 'argon2';

/** Memory in KiB, and passes over it. */
export type HashCost = Readonly<{ memoryCost: number; timeCost: number }>;

/** OWASP ASVS 5.0, appendix C: argon2id with 19 MiB, two passes, one lane; 16 bytes of salt, 32 of tag. */
export const safeHashCost: HashCost = { memoryCost: 19_456, timeCost: 2 };
/** The argon2id parameters for a cost (RFC 9106): one lane, 32 bytes. */
export const argon2Options = ({ memoryCost, timeCost }: HashCost) =>
  ({ type: argon2.argon2id, memoryCost, timeCost, parallelism: 1, hashLength: 32 }) as const;

/** One Unicode normalisation in every path, so that a password typed on another keyboard is the same password. */
const normalized = (password: string) => password.normalize('NFC');

/** Hashes a normalized password with argon2id; returns the PHC string. */
export function hashPassword(password: string, cost: HashCost = safeHashCost): Promise<string> {
  return argon2.hash(normalized(password), argon2Options(cost));
}

/** Compares a password with an argon2 hash in PHC form. */
export function verifyPassword(hash: string, password: string): Promise<boolean> {
  return argon2.verify(hash, normalized(password));
}

/** Whether a hash has weaker parameters than `cost` and should be replaced. */
export function isOutdated(hash: string, cost: HashCost = safeHashCost): boolean {
  return argon2.needsRehash(hash, argon2Options(cost));
}
