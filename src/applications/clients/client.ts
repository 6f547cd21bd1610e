import { defineEntity, p, LockMode } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import type { ApiAccess } from './api-access.ts';
import type { ClientMetadata } from './client-metadata.ts';
import type { ClientProfile } from './client-profile.ts';
import type { ClientType } from './client-type.ts';
import type { EntityManager } from '#kernel/database.ts';
import { clientNotFound } from './errors.ts';

type ClientRowId = Id<'client'>;

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const ClientSchema = defineEntity({
  name: 'Client',
  tableName: 'client',
  properties: {
    id: p.type(new IdColumn('client')).primary().$type<ClientRowId>(),
    /** RFC 6749 §2.2: what the client calls itself in requests. */
    clientId: p.text().unique('client_client_id_unique'),
    name: p.text(),
    type: p.text().$type<ClientType>(),
    profile: p.text().$type<ClientProfile>(),
    /** Belongs to the operator of this instance; its users need not consent. */
    firstParty: p.boolean(),
    disabled: p.boolean(),
    /** Registered itself (RFC 7591) and is managed by its registration access token. */
    registered: p.boolean(),
    metadata: p.json<ClientMetadata>(),
    apis: p.json<ApiAccess>(),
    createdAt: instant(),
    updatedAt: instant(),
  },
});
/** A relying party with its metadata (table `client`). */
export class Client extends ClientSchema.class {}
ClientSchema.setClass(Client);

/**
 * A name that an operator chose for a client that is gone. Tokens, sessions and consents may still name it, so no later
 * client may have it; names that were made by Latchkey never come again by themselves.
 */
const RetiredClientIdSchema = defineEntity({
  name: 'RetiredClientId',
  tableName: 'retired_client_id',
  properties: {
    clientId: p.text().primary(),
    retiredAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** The id of a deleted client, which no new client may have (table `retired_client_id`). */
export class RetiredClientId extends RetiredClientIdSchema.class {}
RetiredClientIdSchema.setClass(RetiredClientId);

/** The client, locked until the transaction ends, so that two changes come one after the other. Throws clients.not_found. */
export async function takeClient(em: EntityManager, clientId: string): Promise<Client> {
  const client = await em.findOne(Client, { clientId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (!client) throw clientNotFound();
  return client;
}
