import { setTimeout } from 'node:timers/promises';
import { SECOND } from '#kernel/clock.ts';
import type { RunOperation } from '#kernel/operations/bound-operation.ts';
import type { LineResult, Outcome } from '../import-service.ts';
import { FileProblem, type Numbered } from './numbered.ts';
import { BUSY_RETRIES, LARGEST_BATCH, MOST_LINES, MOST_SHOWN_PROBLEMS } from '../limits.ts';

/** Transient errors: sign-ins occupy the hashing threads, or another command writes the same users. */
const passing = new Set(['credentials.busy', 'migration.changed_meanwhile']);

export type ImportSummary = Record<Outcome, number> & {
  lines: number;
  dry_run: boolean;
  refusals: Pick<LineResult, 'line' | 'email' | 'username' | 'reason'>[];
};

type Run = {
  people: AsyncIterable<Numbered>;
  ask: RunOperation;
  update: boolean;
  dryRun: boolean;
  /** Each line, as soon as it is decided. */
  report: (result: LineResult) => void;
  progress: (summary: ImportSummary) => void;
};

/** Has a file taken in, batch after batch. Only one batch is in memory; an interruption leaves whole ones behind. */
export async function runImport({ people, ask, update, dryRun, report, progress }: Run): Promise<ImportSummary> {
  const summary: ImportSummary = {
    lines: 0,
    created: 0,
    updated: 0,
    unchanged: 0,
    exists: 0,
    refused: 0,
    dry_run: dryRun,
    refusals: [],
  };
  const count = (result: LineResult) => {
    summary.lines += 1;
    summary[result.outcome] += 1;
    if (result.outcome === 'refused' && summary.refusals.length < MOST_SHOWN_PROBLEMS)
      summary.refusals.push(refusalOf(result));
    report(result);
  };
  for await (const batch of inBatches(people)) {
    const problems = batch
      .filter(({ problem }) => problem !== undefined)
      .map(({ line, problem = '' }): LineResult => ({ line, outcome: 'refused', reason: problem }));
    const lines = batch.filter(({ problem }) => problem === undefined).map(({ line, record }) => ({ line, record }));
    const results = lines.length === 0 ? [] : await send(ask, { lines, update, dry_run: dryRun });
    [...problems, ...results].sort((a, b) => a.line - b.line).forEach(count);
    progress(summary);
  }
  return summary;
}

function refusalOf({ line, email, username, reason = '' }: LineResult): ImportSummary['refusals'][number] {
  return { line, ...(email === undefined ? {} : { email }), ...(username === undefined ? {} : { username }), reason };
}

async function send(
  ask: RunOperation,
  input: { lines: { line: number }[]; update: boolean; dry_run: boolean },
): Promise<LineResult[]> {
  for (let retry = 0; ; retry += 1) {
    const answer = await ask('users.import', { input });
    if (answer.ok) return (answer.result as { results: LineResult[] }).results;
    if (!passing.has(answer.code) || retry >= BUSY_RETRIES)
      throw new FileProblem(
        `${answer.message} It stopped before line ${input.lines[0]?.line}; run the same command again to go on.`,
      );
    await setTimeout(SECOND);
  }
}

async function* inBatches(people: AsyncIterable<Numbered>): AsyncGenerator<Numbered[]> {
  let batch: Numbered[] = [];
  let size = 0;
  for await (const person of people) {
    const length = JSON.stringify(person.record ?? null).length;
    if (length > LARGEST_BATCH) {
      yield [{ line: person.line, record: null, problem: `is larger than ${LARGEST_BATCH} letters` }];
      continue;
    }
    if (batch.length === MOST_LINES || (batch.length > 0 && size + length > LARGEST_BATCH)) {
      yield batch;
      [batch, size] = [[], 0];
    }
    batch.push(person);
    size += length;
  }
  if (batch.length > 0) yield batch;
}
