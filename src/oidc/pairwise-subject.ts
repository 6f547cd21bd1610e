import { createHmac } from 'node:crypto';
import type { Client } from 'oidc-provider';
import type { KeyRing } from '#kernel/crypto.ts';

/** The `sub` of a user for one sector (OpenID Connect Core §8.1): not reversible, not linkable between sectors without the key. */
export function pairwiseSubject(keyRing: Pick<KeyRing, 'deriveKey'>, sector: string, accountId: string): string {
  return createHmac('sha256', keyRing.deriveKey('pairwise-subject'))
    .update(`${sector}\u0000${accountId}`)
    .digest('base64url');
}

/** The pairwise `sub` of a user for the sector of a client. */
export const pairwiseSubjectFor = (keyRing: Pick<KeyRing, 'deriveKey'>, client: Client, accountId: string): string =>
  pairwiseSubject(keyRing, String(client['sectorIdentifier'] ?? client.clientId), accountId);

/** The `sub` of a user in the tokens of a client, pairwise or not. */
export const subjectFor = (keyRing: Pick<KeyRing, 'deriveKey'>, client: Client, accountId: string): string =>
  client.subjectType === 'pairwise' ? pairwiseSubjectFor(keyRing, client, accountId) : accountId;
