import { sha256, type KeyRing, SealError } from '../crypto.ts';
import type { BoundOperation, Given } from './bound-operation.ts';
import { cursorInvalid } from './list-operation.ts';

/**
 * Lists with sealed cursors: the position in a list leaves the server encrypted, and opens only for the same caller, list, filters
 * and order. `callerOf` names who calls.
 */
export function withSealedCursors<By>(
  operations: readonly BoundOperation<By>[],
  keyRing: Pick<KeyRing, 'seal' | 'open'>,
  callerOf: (by: By) => string,
): BoundOperation<By>[] {
  return operations.map((bound) =>
    bound.operation.isList ? { ...bound, call: (given, by) => callList(bound, given, by) } : bound,
  );

  async function callList({ operation, call }: BoundOperation<By>, { params, input }: Given, by: By): Promise<unknown> {
    const { cursor, ...members } = { ...(input as Record<string, unknown> | undefined) };
    const place = placeOf([operation.name, params ?? {}, members, callerOf(by)]);
    const opened =
      typeof cursor === 'string' ? { cursor: open(cursor, place) } : cursor === undefined ? {} : { cursor };
    const answer = (await call({ params, input: { ...members, ...opened } }, by)) as { next_cursor: string | null };
    const { next_cursor: next } = answer;
    return { ...answer, next_cursor: next === null ? null : keyRing.seal(next, place) };
  }

  function open(cursor: string, place: string): string {
    try {
      return keyRing.open(cursor, place);
    } catch (error) {
      if (error instanceof SealError) throw cursorInvalid();
      throw error;
    }
  }
}

/** The size of the page and the total may change from page to page. Members are compared by name, in whichever order they came. */
function placeOf([name, params, input, caller]: [string, object, Record<string, unknown>, string]): string {
  const { limit: _limit, include_total: _total, ...same } = input;
  const sorted = (members: object) => Object.entries(members).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `cursor:${sha256(JSON.stringify([name, sorted(params), sorted(same), caller])).toString('base64url')}`;
}
