/** The result of a run: a cell for each program and column, a line when it is known, and the tables at the end. */

type Cell = { verdict: 'ok' | 'failed' | 'n/a'; reason?: string };

/** One program, or two that meet. A cell that was not reached is failed, with the reason of the row. */
export class Row<Column extends string = string> {
  readonly name: string;
  version = 'not installed';
  /** Why no cell could be run. */
  broken: string | undefined;
  /** When its first user was signed in (`performance.now()`): its library read the keys of the provider then at the latest. */
  signedInAt = 0;
  readonly #cells = new Map<string, Cell>();

  constructor(name: string) {
    this.name = name;
  }

  /** Runs the check of a cell and says how it went. Later cells go on after a failure. */
  async cell(column: Column, check: () => Promise<void>): Promise<void> {
    const began = performance.now();
    let cell: Cell = { verdict: 'ok' };
    try {
      await check();
    } catch (error) {
      cell = { verdict: 'failed', reason: reasonOf(error) };
    }
    this.#set(column, cell, (performance.now() - began) / 1000);
  }

  /** Work between the cells. When it fails, cells that were not reached fail with its reason. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.broken = reasonOf(error);
      console.log(`${this.name}: ${this.broken}`);
      return undefined;
    }
  }

  /** A column that does not apply here. */
  leaveOut(column: Column, reason: string): void {
    this.#set(column, { verdict: 'n/a', reason }, 0);
  }

  cellOf(column: string): Cell {
    return this.#cells.get(column) ?? { verdict: 'failed' };
  }

  #set(column: Column, cell: Cell, seconds: number): void {
    this.#cells.set(column, cell);
    if (column === 'sign-in') this.signedInAt = performance.now();
    const time = `${seconds.toFixed(1)} s`.padStart(8);
    console.log(
      `${this.name.padEnd(40)}${column.padEnd(18)}${time}  ${cell.verdict}${cell.reason ? `: ${cell.reason}` : ''}`,
    );
  }
}

export type Table = { subject: string; columns: readonly string[]; rows: readonly Row[] };

/** The tables, the reasons below each, and the count of cells that were run. */
export function summary(tables: readonly Table[]): { text: string; passed: number; failed: number } {
  const cells = tables.flatMap(cellsOf);
  const count = (wanted: Cell['verdict']) => cells.filter(({ verdict }) => verdict === wanted).length;
  return { text: tables.map(textOf).join('\n\n'), passed: count('ok'), failed: count('failed') };
}

const cellsOf = ({ columns, rows }: Table) =>
  rows.flatMap((row) => columns.map((column) => ({ row, column, ...row.cellOf(column) })));

function textOf(table: Table): string {
  const { subject, columns, rows } = table;
  const names = rows.map(({ name, version }) => `${name} (${version})`);
  const widest = Math.max(...[subject, ...names].map(({ length }) => length)) + 2;
  const line = (words: readonly string[]) =>
    words
      .map((word, place) => word.padEnd(place === 0 ? widest : 18))
      .join('')
      .trimEnd();
  return [
    line([subject, ...columns]),
    ...rows.map((row, at) => line([names[at] ?? '', ...columns.map((column) => row.cellOf(column).verdict)])),
    ...rows.filter(({ broken }) => broken !== undefined).map(({ name, broken }) => `${name}: ${broken}`),
    ...cellsOf(table)
      .filter(({ reason }) => reason !== undefined)
      .map(({ row, column, verdict, reason }) => `${row.name}, ${column}: ${verdict}: ${reason}`),
  ].join('\n');
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 600);
}

export function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}
