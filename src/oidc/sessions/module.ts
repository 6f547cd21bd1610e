/**
 * sessions: the signed-in browsers of a user.
 *
 * Owns    listing them, ending one or all of them; the gate before our own pages for signed-in users (reauthentication-gate.ts): the user,
 *         the time of authentication, and the level.
 * Leaves  the storage of sessions and grants, further effects of their end, its events and notices to relying parties to oidc.
 * URLs    /session/return.
 */
import type { Router } from '#kernel/http/router.ts';
import type { Config } from '#kernel/config.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { State } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import { OwnPages, type OwnPagesDependencies } from './reauthentication-gate.ts';
import { RecentProof } from './recent-proof.ts';
import { ReturnPaths } from './return-path.ts';
import { sessionRoutes } from './routes.ts';
import { type Dependencies as ServiceDependencies, SessionService } from './session-service.ts';
import { type Mount, READ } from '#kernel/http/mounts.ts';

export type Dependencies = ServiceDependencies &
  Omit<OwnPagesDependencies, 'paths' | 'cookie' | 'client'> & {
    config: Pick<Config, 'issuer' | 'issuerUrl'>;
    keyRing: Pick<KeyRing, 'deriveKeys'>;
    /** The client that is built in for our own pages, and the path it comes back to. */
    client: { id: string; returnPath: string };
  };

type Sessions = { sessions: SessionService; ownPages: OwnPages; recentProof: RecentProof; routes: Router<State> };

/** Creates the list of sessions, and the sign-in of our own pages. */
export function createSessions({ config, keyRing, client, ...dependencies }: Dependencies): Sessions {
  const ownPages = new OwnPages({
    ...dependencies,
    client: { id: client.id, redirectUri: `${config.issuer}${client.returnPath}` },
    paths: new ReturnPaths(dependencies.clock, keyRing),
    cookie: browserCookie(config.issuerUrl, 'return'),
  });
  return {
    sessions: new SessionService(dependencies),
    ownPages,
    recentProof: new RecentProof(dependencies),
    routes: sessionRoutes(ownPages, client.returnPath),
  };
}

/** Where a sign-in for a page of ours comes back. */
export const sessionMounts: readonly Mount[] = [{ path: '/session/return', audience: 'page', methods: READ }];

export type { RecentProof } from './recent-proof.ts';
export type { SessionService } from './session-service.ts';
export { LATELY } from './limits.ts';
export { AGAIN, type OwnPages, type SignedInPerson } from './reauthentication-gate.ts';
