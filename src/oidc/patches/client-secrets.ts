import type { Patch } from './patch.ts';

export const clientSecrets: Patch = {
  members: { 'Client.prototype.compareClientSecret': { method: 1 } },
  reason: 'Secrets are stored as hashes, and two of them may be valid at a time.',
  upstream: 'https://github.com/panva/node-oidc-provider/issues/631',
  apply({ Client }, { clients }) {
    Client.prototype.compareClientSecret = function compareClientSecret(actual: string) {
      return clients.verifySecret(this.clientId, actual);
    };
  },
};
