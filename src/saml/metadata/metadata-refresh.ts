import { type By, system } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import { REFRESH_BATCH, REFRESH_JOB_EXPIRY } from './limits.ts';
import { MetadataProblem } from './metadata-problem.ts';

/** The rows of one role whose documents are read again. */
export type RefreshedRows<Row, Content> = {
  /** Those whose time has come, the oldest first. */
  due(now: Date, limit: number): Promise<readonly Row[]>;
  /** Reads the document of the same entity, signed where it was. Throws MetadataProblem. */
  read(row: Row): Promise<Content>;
  /** Writes what was read, or why nothing was, unless the row was changed meanwhile. Answers the problem that is written. */
  write(row: Row, outcome: Content | MetadataProblem, by: By): Promise<MetadataProblem | null>;
};

/** Reads documents again that came from an address. */
export class MetadataRefresh<Row, Content> {
  readonly #clock: Clock;
  readonly #rows: RefreshedRows<Row, Content>;

  constructor({ clock }: { clock: Clock }, rows: RefreshedRows<Row, Content>) {
    this.#clock = clock;
    this.#rows = rows;
  }

  /** Answers how many were due. */
  async refreshDue(signal?: AbortSignal): Promise<number> {
    const due = await this.#rows.due(this.#clock.now(), REFRESH_BATCH);
    for (const row of due) {
      if (signal?.aborted === true) break;
      await this.refresh(row, system);
    }
    return due.length;
  }

  /** Answers the problem, which is written; null where the document was read. */
  async refresh(row: Row, by: By): Promise<MetadataProblem | null> {
    const outcome = await this.#rows.read(row).catch((error: unknown) => {
      if (error instanceof MetadataProblem) return error;
      throw error;
    });
    return this.#rows.write(row, outcome, by);
  }

  job(schedule: string): JobDefinition {
    return {
      schedule,
      retries: 0,
      backoff: { first: 0, max: 0 },
      expire: REFRESH_JOB_EXPIRY,
      handler: async ({ signal }) => void (await this.refreshDue(signal)),
    };
  }
}
