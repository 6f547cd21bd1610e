import type { Client } from 'oidc-provider';
import { isRegisteredUri } from '#clients/module.ts';
import type { Patch } from './patch.ts';

export const redirectUris: Patch = {
  members: {
    'Client.prototype.redirectUriAllowed': { method: 1 },
    'Client.prototype.postLogoutRedirectUriAllowed': { method: 1 },
  },
  reason: 'The engine takes any spelling of a loopback port, 0 among them.',
  upstream: 'https://github.com/panva/node-oidc-provider/issues/249',
  apply({ Client }) {
    Client.prototype.redirectUriAllowed = function redirectUriAllowed(uri: string) {
      return isRegistered(this, this.redirectUris, uri);
    };
    Client.prototype.postLogoutRedirectUriAllowed = function postLogoutRedirectUriAllowed(uri: string) {
      return isRegistered(this, this.postLogoutRedirectUris, uri);
    };
  },
};

function isRegistered({ applicationType }: Client, registered: readonly string[] | undefined, uri: string): boolean {
  return isRegisteredUri(uri, {
    registered: registered ?? [],
    applicationType: applicationType === 'native' ? 'native' : 'web',
  });
}
