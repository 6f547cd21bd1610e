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
export class ClientSecret extends ClientSecretSchema.class {}
ClientSecretSchema.setClass(ClientSecret);

/** Where a sealed client secret belongs; it opens nowhere else. */
export const sealPlace = (id: ClientSecretId): string => `client_secret.sealed:${id}`;
