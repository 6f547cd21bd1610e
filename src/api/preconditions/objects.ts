import { hasEntityTag, type MountedOperation } from '../mounted-operation.ts';

/** The object that an operation reads or changes, as far as conditions are about it. */
export type ItsObject = {
  /** The read of the object, whose entity tag a condition names; null where it has none. */
  read: MountedOperation | null;
  /** The path of the object whose changes follow one another, with parameters; null where the operation changes none of it. */
  queue: string | null;
};

/** Finds the object of each operation by its path. */
export function objectsOf(mounted: readonly MountedOperation[]): ReadonlyMap<MountedOperation, ItsObject> {
  const reads = new Map(
    mounted.filter(({ operation }) => hasEntityTag(operation)).map((each) => [each.route.path, each] as const),
  );
  return new Map(mounted.map((each) => [each, objectOf(each, reads)]));
}

function objectOf(each: MountedOperation, reads: ReadonlyMap<string, MountedOperation>): ItsObject {
  const { method, path } = each.route;
  if (method === 'GET') return { read: reads.get(path) ?? null, queue: null };
  if (method !== 'POST') return { read: reads.get(path) ?? null, queue: shownBy(path, reads) };
  // A new object stands at no path yet; a verb is the last word of one.
  const target = each.operation.name.endsWith('.create') ? '' : path.slice(0, path.lastIndexOf('/'));
  const read = reads.get(target) ?? null;
  return { read, queue: read === null || each.operation.event === null ? null : target };
}

/** A part without an id of its own, such as a username, is shown by the object above it: both change in turn. */
function shownBy(path: string, reads: ReadonlyMap<string, MountedOperation>): string {
  const above = path.slice(0, path.lastIndexOf('}') + 1);
  return reads.has(path) || !reads.has(above) ? path : above;
}

/** The path with the ids of a call. */
export const pathWith = (path: string, params: Readonly<Record<string, string>>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
