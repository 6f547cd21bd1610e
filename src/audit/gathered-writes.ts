import { GATHERED_BATCH, GATHERED_WRITES, MOST_WAITING } from './limits.ts';

type Waiting<Row> = { row: Row; resolve: () => void; reject: (error: unknown) => void };

type Dependencies<Row> = {
  /** Writes one row and commits it. Throws with SQLSTATE 23505 when this row is in the table already. */
  writeOne(row: Row): Promise<void>;
  /** Writes all rows with one statement and one commit, or none of them. */
  writeMany(rows: readonly Row[]): Promise<void>;
};

/** SQLSTATE of a unique violation. */
const UNIQUE_VIOLATION = '23505';

/**
 * Group commit in the process: a row is written at once while few writes are under way; rows that arrive meanwhile share the next
 * write. Every caller waits for the commit of its own row, so nothing is kept in memory that a caller takes for written.
 */
export class GatheredWrites<Row> {
  readonly #deps: Dependencies<Row>;
  #waiting: Waiting<Row>[] = [];
  #writing = 0;
  readonly #underWay = new Set<Promise<void>>();

  constructor(dependencies: Dependencies<Row>) {
    this.#deps = dependencies;
  }

  /** Resolves when the row is committed; throws the error of its own write. */
  write(row: Row): Promise<void> {
    // Beyond the bound a row waits for a connection instead, as every other statement does.
    const written = this.#waiting.length < MOST_WAITING ? this.#gather(row) : this.#deps.writeOne(row);
    this.#underWay.add(written);
    const forget = (): void => void this.#underWay.delete(written);
    written.then(forget, forget);
    return written;
  }

  /** Resolves when every row that was given so far is written or refused. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  #gather(row: Row): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ row, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#writing >= GATHERED_WRITES || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, GATHERED_BATCH);
    this.#writing += 1;
    void this.#writeBatch(batch).finally(() => {
      this.#writing -= 1;
      this.#next();
    });
  }

  async #writeBatch(batch: readonly Waiting<Row>[]): Promise<void> {
    const [first] = batch;
    if (first && batch.length === 1) return settle(first, this.#deps.writeOne(first.row));
    try {
      await this.#deps.writeMany(batch.map(({ row }) => row));
    } catch {
      // One row that the database refuses, or a lost connection: each row gets the answer to its own write.
      await Promise.all(batch.map((waiting) => settle(waiting, this.#writeAgain(waiting.row))));
      return;
    }
    for (const { resolve } of batch) resolve();
  }

  /** A connection can be lost after the commit: then the row is there already. */
  async #writeAgain(row: Row): Promise<void> {
    try {
      await this.#deps.writeOne(row);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION)) throw error;
    }
  }
}

async function settle({ resolve, reject }: Waiting<unknown>, written: Promise<void>): Promise<void> {
  await written.then(resolve, reject);
}
