import { createHmac } from 'node:crypto';
import type { KeyRing } from '#kernel/crypto.ts';

/** The `sub` of a user for one sector (OpenID Connect Core §8.1): not reversible, not linkable between sectors without the key. */
export function pairwiseSubject(keyRing: Pick<KeyRing, 'deriveKey'>, sector: string, accountId: string): string {
  return createHmac('sha256', keyRing.deriveKey('pairwise-subject'))
    .update(`${sector}\u0000${accountId}`)
    .digest('base64url');
}
