import type { By } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { UserId } from './user.ts';

/** Items that an act spares or names. A missing one is not spared: an act without a current session ends all sessions. */
export type Reach = {
  keep?: { session?: string | null; interaction?: string | null };
  /** The one session that ends. */
  session?: string;
  /** The client that loses its grants. */
  clientId?: string;
};

/**
 * Ends what a user holds because of an act, in the transaction of the act. Each slice names the acts that it performs; what
 * each of them ends stands in the table of oidc/sessions/access-revocation.ts.
 */
export type AccessRevocation<Act extends string> = {
  /** Answers how many sessions ended. */
  revoke: (em: EntityManager, act: Act, userId: UserId, by: By, reach?: Reach) => Promise<{ sessions: number }>;
};
