/** Pages that are read by SQL: the filters of a statement, and the statement of a page. */
import type { Database } from '../database.ts';
import { type Page, pageOf, type PageRequest, pageSql } from './list-operation.ts';

type Filters = {
  /** Conditions joined by `and`; `true` without any. */
  condition: string;
  values: readonly unknown[];
};

type Condition = (...named: string[]) => string;

/**
 * The conditions of the filters that are given, as `['o.status =', status]`, or a function of the names of its values. A filter
 * whose first value is missing is not given. `first`: the values that the statement has as `$1` and so on before them.
 */
export function sqlFilters(
  first: readonly unknown[],
  ...filters: readonly (readonly [condition: string | Condition, ...values: unknown[]])[]
): Filters {
  const values = [...first];
  const conditions = filters
    .filter(([, value]) => value !== undefined)
    .map(([condition, ...its]) => {
      const named = its.map((value) => `$${values.push(value)}`);
      return typeof condition === 'string' ? `${condition} ${named[0]}` : condition(...named);
    });
  return { condition: ['true', ...conditions].join(' and '), values };
}

type PageStatement<Row, Item> = {
  /** The statement that selects `what`, with its filters as its last condition, and without an order. */
  statement: (what: string) => string;
  values: readonly unknown[];
  /** The columns of a row. */
  columns: string;
  /** Columns or expressions, none of them ever null and the last one unique. */
  order: readonly string[];
  show: (row: Row) => Item;
};

/** Reads a page, and the number of all rows where it is asked for. The database says where a row stands in the order. */
export async function readSqlPage<Row extends object, Item>(
  database: Pick<Database, 'sql'>,
  page: PageRequest,
  { statement, values, columns, order, show }: PageStatement<Row, Item>,
): Promise<Page<Item>> {
  const all = [...values];
  const { where, order: inOrder } = pageSql(page, order, all);
  const position = `array[${order.map((column) => `(${column})::text`).join(', ')}] as position`;
  const [rows, counted] = await Promise.all([
    database.sql<Row & { position: string[] }>(`${statement(`${columns}, ${position}`)} and ${where} ${inOrder}`, all),
    page.wantsTotal ? database.sql<{ total: number }>(statement('count(*)::int as total'), values) : undefined,
  ]);
  return {
    ...pageOf(rows, page, {
      show: ({ position: _position, ...row }) => show(row as Row),
      positionOf: (row) => row.position,
    }),
    total: counted?.[0]?.total,
  };
}
