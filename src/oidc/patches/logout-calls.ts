import { type Patch, source } from './patch.ts';

export const logoutCalls: Patch = {
  members: { 'Client.prototype.backchannelLogout': { method: 2 } },
  reason: 'The engine asks the relying party once, now, and forgets; a notice waits until it was heard.',
  upstream: source('models/client.js'),
  apply({ Client }, { tellLogout }) {
    Client.prototype['backchannelLogout'] = async function backchannelLogout(accountId: string, sid?: string) {
      await tellLogout({ clientId: this.clientId, accountId, sid: sid ?? null });
    };
  },
};
