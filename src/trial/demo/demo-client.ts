import { system } from '#audit/module.ts';
import { AppError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { ClientService } from '#applications/clients/module.ts';
import { type Mount, READ_AND_SEND } from '#kernel/http/mounts.ts';

export const DEMO_CLIENT_ID = 'demo';
/** `offline_access` is what a refresh token is asked for with (OpenID Connect Core §11). */
export const DEMO_SCOPE = 'openid profile email offline_access';

export type DemoAddresses = {
  home: string;
  signIn: string;
  callback: string;
  refresh: string;
  userinfo: string;
  signOut: string;
};

/** Absolute, because the client is registered with them. */
export function demoAddresses(issuer: string): DemoAddresses {
  const home = `${issuer}/demo`;
  return {
    home,
    signIn: `${home}/sign-in`,
    callback: `${home}/callback`,
    refresh: `${home}/refresh`,
    userinfo: `${home}/userinfo`,
    signOut: `${home}/sign-out`,
  };
}

export type DemoClientDependencies = {
  clients: Pick<ClientService, 'find' | 'create' | 'change'>;
  log: Pick<Log, 'warn'>;
  addresses: DemoAddresses;
};

/** Registers the demo, or moves it to the address at which this instance answers now. */
export async function registerDemoClient({ clients, log, addresses }: DemoClientDependencies): Promise<void> {
  const metadata = {
    redirect_uris: [addresses.callback],
    post_logout_redirect_uris: [addresses.home],
    client_uri: addresses.home,
  };
  const known = await clients.find(DEMO_CLIENT_ID);
  if (known?.metadata.redirect_uris[0] === addresses.callback) return;
  if (known) return void (await clients.change(DEMO_CLIENT_ID, { metadata }, system));
  try {
    // Public: a secret would have to be kept in the clear somewhere, and PKCE does without.
    await clients.create({ name: 'Demo app', type: 'spa', clientId: DEMO_CLIENT_ID, metadata }, system);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'clients.client_id_taken')) throw error;
    log.warn('the demo could not be registered: its client was deleted, and names are not given twice');
  }
}

/** Where its pages are. Separate from the demo itself, which is loaded on the embedded database alone. */
export const demoMounts: readonly Mount[] = [
  { path: '/demo', audience: 'page', methods: READ_AND_SEND },
  { path: '/demo/*', audience: 'page', methods: READ_AND_SEND, getActs: true },
];
