/**
 * demo: a relying party to try the provider with. It is one like any other: registered, and on the far side of HTTP.
 *
 * Owns    views/trial/demo, the client "demo", its visitors (in memory).
 * Leaves  everything about signing in to the provider.
 * URLs    /demo, /demo/* (embedded mode only).
 */
import type { Router } from '#kernel/http/router.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { State } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import type { Log } from '#kernel/log.ts';
import { demoAddresses, type DemoClientDependencies, registerDemoClient } from './demo-client.ts';
import { DemoVisits } from './demo-visits.ts';
import { createProviderFetch, RelyingParty } from './relying-party.ts';
import { demoRoutes } from './routes.ts';

export type Dependencies = {
  config: Pick<Config, 'issuer' | 'issuerUrl' | 'host'>;
  clock: Clock;
  log: Log;
  clients: DemoClientDependencies['clients'];
  /** Shown in the navigation, null where there is none. */
  mailboxUrl: string | null;
};

/** Creates the demo relying party. Call `register` before the first visit: it creates its client at the provider. */
export function createDemo({ config, clock, log, clients, mailboxUrl }: Dependencies): {
  routes: Router<State>;
  /** To be called before the first visit. */
  register(): Promise<void>;
  close(): Promise<void>;
} {
  const addresses = demoAddresses(config.issuer);
  const provider = createProviderFetch(config, log);
  const relyingParty = new RelyingParty({ config, addresses, fetch: provider.fetch });
  const cookie = browserCookie(config.issuerUrl, 'demo');
  return {
    routes: demoRoutes({
      issuer: config.issuer,
      addresses,
      visits: new DemoVisits(clock),
      relyingParty,
      cookie,
      mailboxUrl,
    }),
    register: () => registerDemoClient({ clients, log, addresses }),
    close: provider.close,
  };
}
