import { isClientId } from '../client-store.ts';
import { type Patch, source } from './patch.ts';

export const builtClients: Patch = {
  members: { 'Client.find': { method: 1 } },
  reason:
    'The engine writes out and hashes the metadata of a client with every request, to see whether it knows them already.',
  upstream: source('models/client.js'),
  apply({ Client }, { clients }) {
    const built = new WeakMap<object, InstanceType<typeof Client>>();
    const { find } = Client;
    Client.find = async function findBuilt(clientId: string) {
      if (!isClientId(clientId)) return undefined;
      // The same object until the client changes.
      const metadata = await clients.findForEngine(clientId);
      const known = metadata && built.get(metadata);
      if (known) return known;
      const client = await find.call(Client, clientId);
      if (client && metadata && (await clients.findForEngine(clientId)) === metadata) built.set(metadata, client);
      return client;
    };
  },
};
