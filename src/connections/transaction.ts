import { z } from 'zod';
import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, SealError } from '#kernel/crypto.ts';
import { LONGEST_TRANSACTION, TRANSACTION_LIFETIME } from './limits.ts';

const transactionSchema = z.strictObject({
  connectionId: z.string(),
  version: z.number(),
  purpose: z.enum(['sign-in', 'link', 'test']),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  startedAt: z.number(),
});
/** One request to a provider, until its answer comes. */
export type Transaction = z.infer<typeof transactionSchema>;

/** The part of a request that depends on the sign-in here. */
export type Wishes = {
  loginHint?: string | undefined;
  forceAuthentication?: boolean | undefined;
  /** The relying party needs a second factor. */
  needsSecondFactor?: boolean | undefined;
};

/** The slug is in the address of the answer: the transaction of another connection does not open there. */
const placeOf = (slug: string): string => `connection.transaction:${slug}`;

/** The text that the caller keeps with the browser. */
export const sealTransaction = (keyRing: Pick<KeyRing, 'seal'>, slug: string, transaction: Transaction): string =>
  keyRing.seal(JSON.stringify(transaction), placeOf(slug));

/** Null for a text that was not sealed here for this connection. */
export function openTransaction(keyRing: Pick<KeyRing, 'open'>, slug: string, sealed: string): Transaction | null {
  if (sealed.length > LONGEST_TRANSACTION) return null;
  try {
    return transactionSchema.parse(JSON.parse(keyRing.open(sealed, placeOf(slug))));
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}

/** Whether the answer came too late. */
export function isExpired({ startedAt }: Transaction, clock: Clock): boolean {
  const age = clock.now().getTime() - startedAt;
  return age < 0 || age > TRANSACTION_LIFETIME;
}
