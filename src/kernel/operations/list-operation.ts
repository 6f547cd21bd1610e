/** Lists: one page of objects, and the cursor of the next page. Every list of the product is declared here in one way. */
import { z } from 'zod';
import { inputInvalid } from './input.ts';
import { LISTED_UNLESS_SAID, MOST_LISTED } from './limits.ts';
import type { CommandShape, Deprecated, NamedError, Operation } from './operation.ts';
import type { WrittenPage } from './written.ts';

/** The values that the list is sorted by, of the last object of a page. The last value is unique. */
type Position = readonly (string | number)[];

export type PageRequest<Sort extends string = string> = {
  /** Objects on the page, 1 to 200. */
  limit: number;
  /** The last object of the page before; null for the first page. */
  after: Position | null;
  sort: Sort;
  isDescending: boolean;
  /** Whether the number of all objects that match is asked for. */
  wantsTotal: boolean;
};

export type Page<Item> = {
  items: Item[];
  /** Of the last item, null where no more follow. */
  next: Position | null;
  /** Given where it is asked for. */
  total?: number | undefined;
};

type ListDeclaration<
  Params extends z.ZodRawShape,
  Filters extends z.ZodRawShape,
  Item extends z.ZodType,
  Sort extends string,
  By,
  Services,
> = {
  /** Plural noun and `list`: `users.list`. */
  name: `${string}.list`;
  permission: string;
  params?: Params;
  /** Members of the query that narrow the list, each with a description. */
  filters?: Filters;
  /** The orders of the list, ascending; a caller writes `-name` for descending. The first one is the default. */
  sorts: readonly [Sort, ...Sort[]];
  /** Whether the default is descending: events, newest first. */
  isDescendingUnlessSaid?: boolean;
  /** The member of the answer that holds the objects: `users`. */
  items: string;
  item: Item;
  errors?: readonly NamedError[];
  description: string;
  example?: object;
  deprecated?: Deprecated;
  command?: CommandShape | false;
  /** Gives the page, as the wire shows its objects. */
  run: (
    given: { [K in keyof Params]: z.output<Params[K]> } & z.output<z.ZodObject<Filters>>,
    page: PageRequest<Sort>,
    by: By,
    services: Services,
  ) => Promise<Page<z.input<Item>>>;
  /** The same page, with its objects as JSON that `item` has checked: from memory, where objects are kept. */
  write?: (
    given: { [K in keyof Params]: z.output<Params[K]> } & z.output<z.ZodObject<Filters>>,
    page: PageRequest<Sort>,
    by: By,
    services: Services,
  ) => Promise<WrittenPage>;
};

/** Declares the operation of a list. Its input has the filters, and `limit`, `cursor`, `sort` and `include_total`. */
export function listOperation<
  Item extends z.ZodType,
  Sort extends string,
  By,
  Services,
  Params extends z.ZodRawShape = z.ZodRawShape,
  Filters extends z.ZodRawShape = z.ZodRawShape,
>(declared: ListDeclaration<Params, Filters, Item, Sort, By, Services>): Operation<By, Services> {
  const { sorts, isDescendingUnlessSaid = false, items, filters, run, write, item } = declared;
  const standard = isDescendingUnlessSaid ? `-${sorts[0]}` : sorts[0];
  const input = z.strictObject({
    ...filters,
    limit: z.int().min(1).max(MOST_LISTED).default(LISTED_UNLESS_SAID).describe('Maximum number of entries'),
    cursor: z.string().max(4096).optional().describe('The next_cursor of the page before'),
    sort: z
      .enum(sorts.flatMap((name) => [name, `-${name}`]))
      .default(standard)
      .describe('Order; a hyphen in front means descending'),
    include_total: z.boolean().default(false).describe('Count all entries that match as well, which takes longer'),
  });
  return {
    name: declared.name,
    permission: declared.permission,
    params: z.strictObject(declared.params ?? {}),
    input,
    output: z.strictObject({
      [items]: z.array(item),
      next_cursor: z.string().nullable().describe('Give it as cursor for the next page; null on the last page'),
      total: z.int().optional().describe('Number of all entries that match, where include_total asks for it'),
    }),
    errors: declared.errors ?? [],
    event: null,
    description: declared.description,
    example: declared.example,
    command: declared.command === false ? null : (declared.command ?? {}),
    deprecated: declared.deprecated ?? null,
    isList: true,
    isQuestion: false,
    run: async (asked: ListInput, by, services) => {
      const { given, page } = readAsked<Sort>(asked);
      const { items: found, next, total } = await run(given as never, page, by, services);
      return {
        [items]: found,
        next_cursor: next === null ? null : JSON.stringify(next),
        ...(page.wantsTotal ? { total } : {}),
      };
    },
    write: write
      ? async (asked: ListInput, by, services) => {
          const { given, page } = readAsked<Sort>(asked);
          const { objects, next, total } = await write(given as never, page, by, services);
          const position = next === null ? null : JSON.stringify(next);
          return { items, objects, next: position, ...(page.wantsTotal ? { total } : {}) };
        }
      : null,
  };
}

function readAsked<Sort extends string>({ limit, cursor, sort, include_total: wantsTotal, ...given }: ListInput) {
  const isDescending = sort.startsWith('-');
  const name = (isDescending ? sort.slice(1) : sort) as Sort;
  const after = cursor === undefined ? null : readPosition(cursor);
  const page: PageRequest<Sort> = { limit, after, sort: name, isDescending, wantsTotal };
  return { given, page };
}

type ListInput = { limit: number; cursor?: string; sort: string; include_total: boolean };

const positionText = z.array(z.union([z.string(), z.number()])).min(1);

/** Of a cursor that was unsealed. Throws input.invalid for a position of another kind. */
function readPosition(text: string): Position {
  try {
    return positionText.parse(JSON.parse(text));
  } catch {
    throw cursorInvalid();
  }
}

/** The refusal of a cursor that was changed, or belongs to another caller, list or order. */
export const cursorInvalid = () =>
  inputInvalid({ cursor: 'does not belong to this list. Begin again without it, with the same filters and order' });

/** The page of the rows that were read, one more than the limit so that the last page is known. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  { limit }: Pick<PageRequest, 'limit'>,
  { show, positionOf }: { show: (row: Row) => Item; positionOf: (row: Row) => Position },
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(show), next: rows.length > limit && last !== undefined ? positionOf(last) : null };
}

/**
 * The SQL of a page: `where` (true on the first page) and `order`, over columns or expressions that are never null, the last one
 * unique. The values are appended to `values`, which the statement has as `$1` and so on.
 */
export function pageSql(
  { after, isDescending, limit }: Pick<PageRequest, 'after' | 'isDescending' | 'limit'>,
  columns: readonly string[],
  values: unknown[],
): { where: string; order: string } {
  if (after !== null && after.length !== columns.length) throw cursorInvalid();
  const direction = isDescending ? 'desc' : 'asc';
  const placeholders = after?.map((value) => `$${values.push(value)}`) ?? [];
  const where =
    after === null ? 'true' : `(${columns.join(', ')}) ${isDescending ? '<' : '>'} (${placeholders.join(', ')})`;
  const most = `$${values.push(limit + 1)}`;
  return { where, order: `order by ${columns.map((column) => `${column} ${direction}`).join(', ')} limit ${most}` };
}

/** The same for `find` of the mapper: a condition that joins the filters, and the options. The last member is unique. */
export function pageFind(
  { after, isDescending, limit }: Pick<PageRequest, 'after' | 'isDescending' | 'limit'>,
  members: readonly string[],
) {
  if (after !== null && after.length !== members.length) throw cursorInvalid();
  const beyond = isDescending ? '$lt' : '$gt';
  const rows = after?.map((value, at) => ({
    ...Object.fromEntries(members.slice(0, at).map((member, before) => [member, after[before]])),
    [members[at]!]: { [beyond]: value },
  }));
  return {
    where: rows === undefined ? {} : { $or: rows },
    options: {
      orderBy: members.map((member) => ({ [member]: isDescending ? ('desc' as const) : ('asc' as const) })),
      limit: limit + 1,
    },
  };
}

/** The pattern of LIKE for texts that contain this one. */
export const containing = (text: string): string => `%${beginningWith(text)}`;

/** The pattern of LIKE for texts that begin with this one. */
export const beginningWith = (text: string): string => `${text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;

/** A page of a list that is whole in memory, such as one of all keys. */
export function pageOfAll<Item>(
  all: readonly Item[],
  { after, limit, isDescending, wantsTotal }: PageRequest,
  positionOf: (item: Item) => string,
): Page<Item> {
  const sorted = all.toSorted((a, b) => (positionOf(a) < positionOf(b) ? -1 : 1) * (isDescending ? -1 : 1));
  const from =
    after === null ? 0 : sorted.findIndex((item) => isBehind(positionOf(item), String(after[0]), isDescending));
  const rows = from === -1 ? [] : sorted.slice(from, from + limit + 1);
  const page = pageOf(rows, { limit }, { show: (item) => item, positionOf: (item) => [positionOf(item)] });
  return wantsTotal ? { ...page, total: all.length } : page;
}

const isBehind = (position: string, after: string, isDescending: boolean): boolean =>
  isDescending ? position < after : position > after;
