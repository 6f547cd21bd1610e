import { createHmac } from 'node:crypto';
import type { Client } from 'oidc-provider';
import type { KeyRing } from '#kernel/crypto.ts';

/**
 * The `sub` of a user for the sector of a client (OpenID Connect Core §8.1): not reversible, not linkable between sectors
 * without the key.
 */
export function pairwiseSubject(keyRing: Pick<KeyRing, 'deriveKey'>, client: Client, accountId: string): string {
  const sector = String(client['sectorIdentifier'] ?? client.clientId);
  return createHmac('sha256', keyRing.deriveKey('pairwise-subject'))
    .update(`${sector}\u0000${accountId}`)
    .digest('base64url');
}

/** The `sub` of a user in the tokens of a client, pairwise or not. */
export const subjectFor = (keyRing: Pick<KeyRing, 'deriveKey'>, client: Client, accountId: string): string =>
  client.subjectType === 'pairwise' ? pairwiseSubject(keyRing, client, accountId) : accountId;
