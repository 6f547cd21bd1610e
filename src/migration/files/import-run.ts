import { setTimeout } from 'node:timers/promises';
import { SECOND } from '#kernel/clock.ts';
import type { RunOperation } from '#kernel/operations/bound-operation.ts';
import type { LineResult, Outcome } from '../import-service.ts';
import { type Named, namesIn } from '../names.ts';
import { FileProblem, type Numbered } from './numbered.ts';
import { BUSY_RETRIES, LARGEST_BATCH, MOST_LINES, MOST_SHOWN_PROBLEMS } from '../limits.ts';

/** Transient errors: sign-ins occupy the hashing threads, or another command writes the same users. */
const passing = new Set(['credentials.busy', 'migration.changed_meanwhile']);

/** The outcome of a line; an account that belongs to no user, such as the account of a service, is skipped. */
export type RunResult = Omit<LineResult, 'outcome'> & { outcome: Outcome | 'skipped' };

/** The same warning about any number of users, with the first of them. */
type Warned = Named & { warning: string; users: number; line: number };

export type ImportSummary = Record<RunResult['outcome'], number> & {
  lines: number;
  dry_run: boolean;
  refusals: Pick<LineResult, 'line' | 'email' | 'username' | 'legacy_id' | 'reason'>[];
  warnings: Warned[];
};

type Run = {
  people: AsyncIterable<Numbered>;
  ask: RunOperation;
  update: boolean;
  dryRun: boolean;
  /** Each line, as soon as it is decided. */
  report: (result: RunResult) => void;
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
    skipped: 0,
    dry_run: dryRun,
    refusals: [],
    warnings: [],
  };
  for await (const batch of inBatches(people)) {
    const lines = batch.filter(isForUs).map(({ line, record }) => ({ line, record }));
    const results = lines.length === 0 ? [] : await send(ask, { lines, update, dry_run: dryRun });
    const warned = new Map(batch.map(({ line, warnings = [] }) => [line, warnings]));
    const all = [
      ...batch.filter((person) => !isForUs(person)).map(resultHere),
      ...results.map((result) => withWarnings(result, warned.get(result.line) ?? [])),
    ];
    for (const result of all.toSorted((a, b) => a.line - b.line)) {
      count(summary, result);
      report(result);
    }
    progress(summary);
  }
  return summary;
}

const isForUs = ({ problem, skipped }: Numbered): boolean => problem === undefined && skipped === undefined;

function resultHere({ line, record, problem, skipped = '' }: Numbered): RunResult {
  const outcome = problem === undefined ? 'skipped' : 'refused';
  return { line, outcome, ...namesIn(record), reason: problem ?? skipped };
}

/** Warnings about the file come first, because the others follow from it. */
function withWarnings(result: LineResult, ofFile: readonly string[]): RunResult {
  const warnings = [...ofFile, ...(result.warnings ?? [])];
  return warnings.length === 0 || result.outcome === 'refused' ? result : { ...result, warnings };
}

function count(summary: ImportSummary, result: RunResult): void {
  summary.lines += 1;
  summary[result.outcome] += 1;
  if (result.outcome === 'refused' && summary.refusals.length < MOST_SHOWN_PROBLEMS)
    summary.refusals.push({ line: result.line, ...nameOf(result), reason: result.reason ?? '' });
  for (const warning of result.warnings ?? []) {
    const known = summary.warnings.find((each) => each.warning === warning);
    if (known) known.users += 1;
    else if (summary.warnings.length < MOST_SHOWN_PROBLEMS)
      summary.warnings.push({ warning, users: 1, line: result.line, ...nameOf(result) });
  }
}

function nameOf({ email, username, legacy_id: legacyId }: Named): Named {
  return {
    ...(email === undefined ? {} : { email }),
    ...(username === undefined ? {} : { username }),
    ...(legacyId === undefined ? {} : { legacy_id: legacyId }),
  };
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
