/**
 * sessions: the browsers in which a person is signed in.
 *
 * Owns    listing them and ending one or all of them, with the record of it.
 * Leaves  how sessions and grants are stored, and telling relying parties, to oidc.
 * URLs    none yet.
 */
import { SessionService, type Dependencies } from './session-service.ts';

export function createSessions(dependencies: Dependencies): { sessions: SessionService } {
  return { sessions: new SessionService(dependencies) };
}

export type { Dependencies, SessionService } from './session-service.ts';
export { sessionCommands } from './commands.ts';
