/** The result of a run: a cell for each relying party and column, a line when it is known, and the table at the end. */

export const columns = [
  'sign-in',
  'claims',
  'refresh',
  'parallel refresh',
  'logout',
  'back-channel',
  'key rotation',
  'consent refused',
] as const;
export type Column = (typeof columns)[number];

type Cell = { verdict: 'ok' | 'failed' | 'n/a'; reason?: string };

/** One relying party. A cell that was not reached is failed, with the reason of the row. */
export class Row {
  readonly name: string;
  version = 'not installed';
  /** Why no cell could be run. */
  broken: string | undefined;
  /** When its first user was signed in (`performance.now()`): its library read the keys of the provider then at the latest. */
  signedInAt = 0;
  readonly #cells = new Map<Column, Cell>();

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

  /** A column that does not apply to this relying party. */
  leaveOut(column: Column, reason: string): void {
    this.#set(column, { verdict: 'n/a', reason }, 0);
  }

  cellOf(column: Column): Cell {
    return this.#cells.get(column) ?? { verdict: 'failed' };
  }

  #set(column: Column, cell: Cell, seconds: number): void {
    this.#cells.set(column, cell);
    if (column === 'sign-in') this.signedInAt = performance.now();
    const time = `${seconds.toFixed(1)} s`.padStart(8);
    console.log(
      `${this.name.padEnd(24)}${column.padEnd(18)}${time}  ${cell.verdict}${cell.reason ? `: ${cell.reason}` : ''}`,
    );
  }
}

/** The table, the reasons below it, and the count of cells that were run. */
export function summary(rows: readonly Row[]): { text: string; passed: number; failed: number } {
  const cells = rows.flatMap((row) => columns.map((column) => ({ row, column, ...row.cellOf(column) })));
  const count = (wanted: Cell['verdict']) => cells.filter(({ verdict }) => verdict === wanted).length;
  const line = (words: readonly string[]) =>
    words
      .map((word, place) => word.padEnd(place === 0 ? 58 : 18))
      .join('')
      .trimEnd();
  const text = [
    line(['relying party', ...columns]),
    ...rows.map((row) =>
      line([`${row.name} (${row.version})`, ...columns.map((column) => row.cellOf(column).verdict)]),
    ),
    ...rows.filter(({ broken }) => broken !== undefined).map(({ name, broken }) => `${name}: ${broken}`),
    ...cells
      .filter(({ reason }) => reason !== undefined)
      .map(({ row, column, verdict, reason }) => `${row.name}, ${column}: ${verdict}: ${reason}`),
  ].join('\n');
  return { text, passed: count('ok'), failed: count('failed') };
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 600);
}

export function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}
