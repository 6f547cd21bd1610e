/**
 * setup: the first administrator of a new instance.
 *
 * Owns    the table admin_link and the one-time link that the first start prints; views/setup.
 * Leaves  users to users, passwords to credentials.
 * URLs    /setup/:link, gone once there is an administrator.
 */
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import { AdminLinks } from './admin-link.ts';
import { setupRoutes } from './routes.ts';
import { type SetupDependencies, SetupService } from './setup-service.ts';
import { type Mount, READ_AND_SEND } from '#kernel/http/mounts.ts';

export type Dependencies = Omit<SetupDependencies, 'links'> & {
  config: Pick<Config, 'issuerUrl'>;
  clock: Clock;
  startUrl: string;
};

/** Creates the service and the routes that create the first administrator. */
export function createSetup({ config, clock, startUrl, ...dependencies }: Dependencies) {
  const setup = new SetupService({ ...dependencies, links: new AdminLinks(clock, dependencies.database) });
  return { setup, routes: setupRoutes({ setup, link: mailedLink(config.issuerUrl, 'setup'), startUrl }) };
}

/** Where its page is. */
export const setupMounts: readonly Mount[] = [{ path: '/setup/*', audience: 'page', methods: READ_AND_SEND }];

export { AdminLink } from './admin-link.ts';
