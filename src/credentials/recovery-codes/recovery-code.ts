import { hashRaw } from '@node-rs/argon2';
import { randomBytes } from 'node:crypto';
import type { CodeShape } from '../one-time/typed-code.ts';
import { argon2idOptions, type HashCost, safeHashCost } from '../passwords/password-hash.ts';
import { defineEntity, p } from '@mikro-orm/core';
import { User } from '#directory/users/module.ts';
import { readLetters } from '#directory/users/typed/text.ts';

/** Crockford's base32 without i, l, o and u, which are taken for others. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** 75 bits; 64 are demanded of a code that is kept under a password hash (NIST SP 800-63B-4 §3.1.2.2). */
const LENGTH = 15;
const GROUP = /.{5}(?=.)/g;
const SALT_BYTES = 16;

/**
 * One hash, at the cost of a password's. A keyed hash would be quicker, but codes lie in a drawer for years: they would die with the
 * secret of the key ring that made the key, and cannot be sealed again as texts can. One salt for the ten codes of a user, so
 * that a code is looked up by one hash; it gives away three bits of 75.
 */
export async function hashRecoveryCode(code: string, salt: Buffer, cost: HashCost = safeHashCost): Promise<string> {
  return (await hashRaw(code, { ...argon2idOptions(cost), salt })).toString('base64url');
}

/** A random salt for the recovery codes of one user. */
export const newSalt = (): Buffer => randomBytes(SALT_BYTES);

/** A code as it is shown: `k7mv2-qxhr4-tdw9p`. */
export function newRecoveryCode(): string {
  const letters = Array.from(randomBytes(LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]);
  return letters.join('').replaceAll(GROUP, '$&-');
}

/** The letters of a code, also as keyboards for Turkish have them. */
export const recoveryCodeShape: CodeShape = { length: LENGTH, of: /^[0-9a-zı]+$/i };

/** Normalizes a code typed from paper; null if it cannot be a code. */
export function readRecoveryCode(typed: string): string | null {
  const letters = readLetters(typed).toLowerCase().replaceAll('o', '0').replaceAll(/[ilı]/g, '1');
  if (letters.length !== LENGTH || ![...letters].every((letter) => ALPHABET.includes(letter))) return null;
  return letters.replaceAll(GROUP, '$&-');
}

/** One after the other: they take one place among the hashes that run, not ten. */
export async function hashRecoveryCodes(
  codes: readonly string[],
  salt: Buffer,
  cost: HashCost = safeHashCost,
): Promise<readonly string[]> {
  const hashes: string[] = [];
  for (const code of codes) hashes.push(await hashRecoveryCode(code, salt, cost));
  return hashes;
}

const RecoveryCodeSetSchema = defineEntity({
  name: 'RecoveryCodeSet',
  tableName: 'recovery_codes',
  /** Tells every process that keeps users as they are shown (shown-users.ts). */
  triggers: [
    {
      name: 'recovery_codes_changed',
      timing: 'after',
      events: ['insert', 'update', 'delete'],
      forEach: 'row',
      body: `if tg_op <> 'UPDATE' or old.hashes <> new.hashes or old.created_at <> new.created_at then perform pg_notify('latchkey_invalidation', json_build_array('', 'credentials', coalesce(new.user_id, old.user_id))::text); end if; return null`,
    },
  ],
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    salt: p.blob().columnType('bytea').$type<Buffer>(),
    /** Of the codes that were not used yet. */
    hashes: p.array().columnType('text[]'),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    /** The codes under the key ring, until their owner says that they are saved, or for 15 minutes. */
    shownSealed: p.text().nullable(),
    /** The sign-in or session in which they were made: no other sees them. */
    shownTo: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    shownUntil: p.datetime(3).columnType('timestamptz(3)').nullable().index('recovery_codes_shown_until_index'),
  },
});
/** Mapped for the drift test alone; recovery-codes.ts writes it by conditional statements. */
export class RecoveryCodeSet extends RecoveryCodeSetSchema.class {}
RecoveryCodeSetSchema.setClass(RecoveryCodeSet);
