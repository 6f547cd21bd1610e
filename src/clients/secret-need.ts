import type { Client } from './client.ts';

/**
 * none   the client never shows a secret
 * hash   it shows the secret, so a hash is enough to know it again
 * plain  the secret is a key on both sides, or a client that registered itself may read it again (RFC 7592 §3)
 */
type SecretNeed = 'none' | 'hash' | 'plain';

export function secretNeed({ metadata, registered }: Pick<Client, 'metadata' | 'registered'>): SecretNeed {
  const method = metadata.token_endpoint_auth_method;
  if (method === 'client_secret_jwt') return 'plain';
  if (method !== 'client_secret_basic' && method !== 'client_secret_post') return 'none';
  return registered ? 'plain' : 'hash';
}
