import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import { Client } from './client.ts';

export type ClientSecretId = Id<'csec'>;

const ClientSecretSchema = defineEntity({
  name: 'ClientSecret',
  tableName: 'client_secret',
  properties: {
    id: p.type(new IdColumn('csec')).primary().$type<ClientSecretId>(),
    client: () =>
      p.manyToOne(Client).mapToPk().fieldName('client').deleteRule('cascade').index('client_secret_client_index'),
    /** SHA-256; the secret has 256 random bits, so nothing slower is needed. */
    hash: p.blob().columnType('bytea').$type<Buffer>(),
    /** Under the key ring, only where the secret itself is a key (client_secret_jwt, HMAC, symmetric encryption). */
    sealed: p.text().nullable(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** One secret of a client: a hash, or encrypted if the method needs the secret itself (table `client_secret`). */
export class ClientSecret extends ClientSecretSchema.class {}
ClientSecretSchema.setClass(ClientSecret);

/** Where a sealed client secret belongs; it opens nowhere else. */
export const sealPlace = (id: ClientSecretId): string => `client_secret.sealed:${id}`;

/**
 * none   the client never shows a secret
 * hash   it shows the secret, so a hash is enough to know it again
 * plain  the secret is a key on both sides, or a client that registered itself may read it again (RFC 7592 §3)
 */
type SecretNeed = 'none' | 'hash' | 'plain';

/**
 * How the secret of a client is stored: `plain` (encrypted) if it is a key or the client registered itself, else
 * `hash`; `none` without a secret.
 */
export function secretNeed({
  type,
  metadata,
  registered,
}: Pick<Client, 'type' | 'metadata' | 'registered'>): SecretNeed {
  if (type === 'saml') return 'none';
  const method = metadata.token_endpoint_auth_method;
  if (method === 'client_secret_jwt') return 'plain';
  if (method !== 'client_secret_basic' && method !== 'client_secret_post') return 'none';
  return registered ? 'plain' : 'hash';
}
