import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '#kernel/database.ts';
import { Client } from './client.ts';
import { clientNotFound } from './errors.ts';

/** The client, locked until the transaction ends, so that two changes come one after the other. Throws clients.not_found. */
export async function takeClient(em: EntityManager, clientId: string): Promise<Client> {
  const client = await em.findOne(Client, { clientId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (!client) throw clientNotFound();
  return client;
}
