import { type Client, Provider } from 'oidc-provider';
import { requireAnotherTry } from '../client-authentication/client-authentication.ts';
import { type Patch, source } from './patch.ts';

export const guardedClients: Patch = {
  members: { 'Client.find': { method: 1 } },
  reason:
    'Failed attempts to authenticate a client are counted from the moment when the engine learns which client it is.',
  upstream: source('shared/client_auth.js'),
  apply(engine, { authentication }) {
    const { find } = engine.Client;
    engine.Client.find = async function findGuarded(clientId: string): Promise<Client | undefined> {
      const client = await find.call(engine.Client, clientId);
      if (Provider.ctx) await requireAnotherTry(Provider.ctx, { clientId, client }, authentication);
      return client;
    };
  },
};
