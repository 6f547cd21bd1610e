/**
 * setup: the first administrator of a new instance.
 *
 * Owns    the table admin_link and the one-time link that the first start prints; views/setup.
 * Leaves  people to users, passwords to credentials.
 * URLs    /setup/:secret, gone once there is an administrator.
 */
import type { Clock } from '#kernel/clock.ts';
import { AdminLinks } from './admin-link.ts';
import { setupRoutes } from './routes.ts';
import { type SetupDependencies, SetupService } from './setup-service.ts';

export type Dependencies = Omit<SetupDependencies, 'links'> & {
  clock: Clock;
  startUrl: string | null;
};

export function createSetup({ clock, startUrl, ...dependencies }: Dependencies) {
  const setup = new SetupService({ ...dependencies, links: new AdminLinks(clock, dependencies.database) });
  return { setup, routes: setupRoutes({ setup, startUrl }) };
}

export { AdminLink } from './admin-link.ts';
