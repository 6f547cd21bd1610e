import { sha256, type KeyRing, SealError } from '../crypto.ts';
import type { BoundOperation, Given } from './bound-operation.ts';
import { MOST_KNOWN_CURSORS } from './limits.ts';
import { cursorInvalid } from './list-operation.ts';
import type { Written } from './written.ts';

/**
 * Lists with sealed cursors: the position in a list leaves the server encrypted, and opens only for the same caller, list, filters
 * and order. `callerOf` names who calls.
 */
export function withSealedCursors<By>(
  operations: readonly BoundOperation<By>[],
  keyRing: Pick<KeyRing, 'seal' | 'open'>,
  callerOf: (by: By) => string,
): BoundOperation<By>[] {
  const known = new KnownCursors();
  return operations.map((bound) => (bound.operation.isList ? sealed(bound) : bound));

  function sealed({ operation, call, write }: BoundOperation<By>): BoundOperation<By> {
    return {
      operation,
      async call(given, by) {
        const { opened, seal } = unsealed(operation.name, given, by);
        const answer = (await call(opened, by)) as { next_cursor: string | null };
        return { ...answer, next_cursor: seal(answer.next_cursor) };
      },
      ...(write
        ? {
            async write(given, by): Promise<Written> {
              const { opened, seal } = unsealed(operation.name, given, by);
              const page = await write(opened, by);
              return 'objects' in page ? { ...page, next: seal(page.next) } : page;
            },
          }
        : {}),
    };
  }

  function unsealed(name: string, { params, input }: Given, by: By) {
    const { cursor, ...members } = { ...(input as Record<string, unknown> | undefined) };
    const list = listOf([name, params ?? {}, members, callerOf(by)]);
    const place = (): string => `cursor:${sha256(list).toString('base64url')}`;
    const opened = (sealed: string): string => known.get(`open ${sealed} ${list}`, () => open(sealed, place()));
    return {
      opened: {
        params,
        input: {
          ...members,
          ...(typeof cursor === 'string' ? { cursor: opened(cursor) } : cursor === undefined ? {} : { cursor }),
        },
      },
      seal: (next: string | null) =>
        next === null ? null : known.get(`seal ${next} ${list}`, () => keyRing.seal(next, place())),
    };
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

/** Cursors of the last lists that were read: one who looks for news asks for the same page again. */
class KnownCursors {
  readonly #known = new Map<string, string>();

  get(key: string, make: () => string): string {
    const known = this.#known.get(key) ?? make();
    this.#known.delete(key);
    this.#known.set(key, known);
    if (this.#known.size > MOST_KNOWN_CURSORS) this.#known.delete(this.#known.keys().next().value!);
    return known;
  }
}

/** The size of the page and the total may change from page to page. Members are compared by name, in whichever order they came. */
function listOf([name, params, input, caller]: [string, object, Record<string, unknown>, string]): string {
  const { limit: _limit, include_total: _total, ...same } = input;
  const sorted = (members: object) => Object.entries(members).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, sorted(params), sorted(same), caller]);
}
