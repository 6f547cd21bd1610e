import type { Visitor } from '#audit/module.ts';
import type { UserId } from '#users/module.ts';

/** Somebody who acts for themselves. */
export function byOneself({ state: { ip, userAgent, requestId } }: { state: Visitor }, id: UserId) {
  return { actor: { type: 'user' as const, id }, visitor: { ip, userAgent, requestId } };
}
