/**
 * sessions: the browsers in which a user is signed in.
 *
 * Owns    listing them, ending one or all of them; the gate before our own pages for signed-in users (reauthentication-gate.ts): who is
 *         signed in, when they last authenticated, and at which level.
 * Leaves  how sessions and grants are stored, what else ends with them, the record of it and telling relying parties to oidc.
 * URLs    /session/return.
 */
import type { Router } from '#kernel/http/router.ts';
import type { Config } from '#kernel/config.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { State } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import { OwnPages, type OwnPagesDependencies } from './reauthentication-gate.ts';
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

type Sessions = { sessions: SessionService; ownPages: OwnPages; routes: Router<State> };

/** Creates the list of sessions, and the sign-in of our own pages. */
export function createSessions({ config, keyRing, client, ...dependencies }: Dependencies): Sessions {
  const ownPages = new OwnPages({
    ...dependencies,
    client: { id: client.id, redirectUri: `${config.issuer}${client.returnPath}` },
    paths: new ReturnPaths(dependencies.clock, keyRing),
    cookie: browserCookie(config.issuerUrl, 'return'),
  });
  return { sessions: new SessionService(dependencies), ownPages, routes: sessionRoutes(ownPages, client.returnPath) };
}

/** Where a sign-in for a page of ours comes back. */
export const sessionMounts: readonly Mount[] = [{ path: '/session/return', audience: 'page', methods: READ }];

export type { SessionService } from './session-service.ts';
export { LATELY } from './limits.ts';
export { AGAIN, type OwnPages, type SignedInPerson } from './reauthentication-gate.ts';
