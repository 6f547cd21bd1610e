/** Objects behind the management API, made by the operations that create them, and requests to operations with the ids of these objects. */
import { mounted } from '../../src/app/api.ts';
import { operations } from '../../src/app/operations.ts';
import { routeOf } from '../../src/api/operation-route.ts';

export const offered = operations
  .filter(({ name }) => mounted.includes(name))
  .map((operation) => ({ operation, ...routeOf(operation) }));
export type Offered = (typeof offered)[number];

type Params = Readonly<Record<string, string>>;
/** Calls the operation, and gives its answer; null where it refuses. */
type Create = (each: Offered, params: Params, body: unknown) => Promise<Record<string, unknown> | null>;

/** The objects that were made, by the path under which each is read, and all ids by the names of their parameters. */
export type Objects = {
  byPath: ReadonlyMap<string, readonly Params[]>;
  byName: ReadonlyMap<string, readonly string[]>;
};

const parameter = /\{(\w+)\}/g;
const namesIn = (path: string): string[] => [...path.matchAll(parameter)].map(([, name]) => name!);

/** Makes `count` objects with each operation that creates, the outer ones first. `known`: ids that exist. */
export async function makeObjects(
  create: Create,
  count: number,
  known: Readonly<Record<string, readonly string[]>> = {},
): Promise<Objects> {
  const byPath = new Map<string, Params[]>();
  const byName = new Map<string, readonly string[]>(Object.entries(known));
  const creating = offered
    .filter(({ operation }) => operation.name.endsWith('.create'))
    .toSorted((a, b) => a.path.split('/').length - b.path.split('/').length);
  let turn = 0;
  for (const each of creating) {
    const path = offered.map((other) => other.path).find((other) => isBelow(other, each.path));
    const name = path && namesIn(path).at(-1);
    for (let made = 0; made < count; made += 1) {
      const objects = { byPath, byName };
      const params = paramsFor(each.path, objects, turn);
      const answer = await create(each, params, withIds(each.operation.example, objects, (turn += 1)));
      const id = name && (answer?.[name] ?? answer?.['id'] ?? answer?.['name']);
      if (!path || !name || typeof id !== 'string') continue;
      byPath.set(path, [...(byPath.get(path) ?? []), { ...params, [name]: id }]);
      byName.set(name, [...(byName.get(name) ?? []), id]);
    }
  }
  return { byPath, byName };
}

const isBelow = (path: string, above: string): boolean =>
  path.startsWith(`${above}/`) && /^\/\{\w+\}$/.test(path.slice(above.length));

/** Ids for a path: of one object and the parts of it that were made, else of any object of the kind. */
export function paramsFor(path: string, { byPath, byName }: Objects, turn: number): Params {
  const prefixes = path.split('/').map((_, at, all) => all.slice(0, all.length - at).join('/'));
  const made = prefixes.map((prefix) => byPath.get(prefix)).find((all) => all !== undefined) ?? [];
  const known = made.length > 0 ? made[turn % made.length]! : {};
  const rest = namesIn(path).filter((name) => !Object.hasOwn(known, name));
  return { ...known, ...Object.fromEntries(rest.map((name) => [name, pick(byName.get(name), turn) ?? 'unknown'])) };
}

const pick = <T>(all: readonly T[] = [], turn: number): T | undefined => all[turn % all.length];

/** The example with ids of objects that exist, and with names of its own. */
export function withIds(example: unknown, objects: Objects, turn: number): unknown {
  if (Array.isArray(example)) return example.map((item) => withIds(item, objects, turn));
  if (typeof example !== 'object' || example === null) return example;
  return Object.fromEntries(
    Object.entries(example).map(([name, value]) => {
      if (typeof value !== 'string') return [name, withIds(value, objects, turn)];
      const id = pick(objects.byName.get(name), turn);
      if (id !== undefined) return [name, id];
      if (/^[^@\s]+@/.test(value)) return [name, `n${turn}.${value}`];
      if (/^\+\d{8,}$/.test(value)) return [name, `${value.slice(0, -2)}${10 + (turn % 90)}`];
      return [name, /^(name|slug|identifier|domain|username)$/.test(name) ? unlike(name, value, turn) : value];
    }),
  );
}

/** A name with a space takes a number as a word, one that stands in addresses and tokens takes it as letters. */
const unlike = (name: string, value: string, turn: number): string =>
  name === 'domain' ? `n${turn}.${value}` : `${value}${/[A-Z ]/.test(value) ? ' ' : ''}${turn}`;

/** The path below /api with these ids. */
export const addressOf = (
  path: string,
  params: Params,
  encode: (text: string) => string = encodeURIComponent,
): string =>
  path.replace(/^\/api/, '').replaceAll(parameter, (_, name: string) => encode(params[name] ?? 'unknown') || 'x');
