import type { Id } from '#kernel/ids.ts';

/** Where a request came from, as far as it may be trusted. */
export type Visitor = { ip: string; userAgent: string; requestId: string };

type Actor = { type: 'user' | 'client' | 'operator' | 'system' | 'visitor'; id?: string };

/**
 * The actor, the client and the origin of an act. Every service takes one, and every event of the audit log has its members.
 * A command, a job and a program have no visitor: limits and events by IP address do not apply to them.
 */
export type By = {
  actor: Actor;
  clientId?: string;
  /** The session of a user from which the access token of a program came. */
  sessionId?: string;
  visitor?: Visitor | undefined;
  /**
   * The rights of the actor now, by the names of permissions: on the instance, or in the organization whose id is given. An actor
   * without this member has none.
   */
  may?: (permission: string, organizationId?: string) => boolean;
};

const everything = (): boolean => true;

/** Operators who use the command line: access to the server is their proof. */
export const operator: By = { actor: { type: 'operator' }, may: everything };

/** Jobs, and rules that act without a request. */
export const system: By = { actor: { type: 'system' }, may: everything };

/** An act of a user, from a visitor's browser if given, in a sign-in to a client if given. */
export function byUser(id: Id<'usr'>, visitor?: Visitor, clientId?: string): By {
  return { actor: { type: 'user', id }, visitor, ...at(clientId) };
}

/** A client that acts for itself. */
export function byClient(id?: string, visitor?: Visitor): By {
  return { actor: { type: 'client', ...(id === undefined ? {} : { id }) }, visitor, ...at(id) };
}

/** A request without a proved user: a refused sign-in, a public form. */
export function byVisitor(visitor: Visitor | undefined, clientId?: string): By {
  return { actor: { type: 'visitor' }, visitor, ...at(clientId) };
}

const at = (clientId: string | undefined) => (clientId === undefined ? {} : { clientId });

/** Names the actor and its client, for what belongs to one caller. */
export const callerOf = ({ actor, clientId }: By): string => [actor.type, actor.id, clientId].join(' ');
