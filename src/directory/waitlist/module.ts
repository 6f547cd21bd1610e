/**
 * waitlist: visitors who want an account.
 *
 * Owns    the table waitlist_entry, views/directory/waitlist, the order of invitations.
 * Leaves  invitations and the account itself to registration.
 * URLs    /waitlist, /waitlist/{check,done}, /waitlist/confirm/:link.
 */
import { HOUR } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import { type KeyRing, SealError } from '#kernel/crypto.ts';
import type { Context } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import { type RouteDependencies, waitlistRoutes } from './routes.ts';
import { type Asked, type WaitlistDependencies, WaitlistService } from './waitlist-service.ts';
import { type Mount, READ_AND_SEND } from '#kernel/http/mounts.ts';

export type Dependencies = Omit<WaitlistDependencies, 'urlOf'> &
  Pick<RouteDependencies, 'policies' | 'applications' | 'work'> & {
    config: Pick<Config, 'issuer' | 'issuerUrl'>;
    keyRing: KeyRing;
  };

/** Where the sealed text of the cookie belongs. */
const COOKIE_PLACE = 'cookie:waitlist';

/** Creates the service, the routes and the commands of the waitlist. */
export function createWaitlist(dependencies: Dependencies) {
  const { config, keyRing } = dependencies;
  const waitlist = new WaitlistService({ ...dependencies, urlOf: (path) => `${config.issuer}${path}` });
  const cookie = browserCookie(config.issuerUrl, 'waitlist', { maxAge: HOUR });
  const asked: RouteDependencies['asked'] = {
    read(ctx: Context) {
      try {
        const sealed = cookie.read(ctx);
        const kept = sealed === undefined ? null : (JSON.parse(keyRing.open(sealed, COOKIE_PLACE)) as Partial<Asked>);
        return kept?.secret === undefined ? null : (kept as Asked);
      } catch (error) {
        if (error instanceof SealError) return null;
        throw error;
      }
    },
    write: (ctx, { email, name, secret }) =>
      cookie.write(ctx, keyRing.seal(JSON.stringify({ email, name, secret }), COOKIE_PLACE)),
    clear: (ctx) => cookie.clear(ctx),
  };
  return {
    waitlist,
    routes: waitlistRoutes({ ...dependencies, waitlist, link: mailedLink(config.issuerUrl, 'waitlist'), asked }),
  };
}

/** Where its pages are. */
export const waitlistMounts: readonly Mount[] = [
  { path: '/waitlist', audience: 'page', methods: READ_AND_SEND },
  { path: '/waitlist/*', audience: 'page', methods: READ_AND_SEND, getActs: true },
];

export { leaveWaitlist } from './waitlist-service.ts';
export { WaitlistEntry } from './waitlist-entry.ts';
