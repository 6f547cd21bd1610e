/** `user import`, `user export` and `realm import`: the files are read and written here, in many commands to the process with the database. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { RunOperation } from '#kernel/operations/bound-operation.ts';
import { runExport } from './files/export-run.ts';
import { type ImportFormat, importFormats, readPeople } from './files/formats.ts';
import { type ImportSummary, runImport } from './files/import-run.ts';
import { readHashParameters } from './files/hash-parameters.ts';
import { FileProblem } from './files/numbered.ts';
import { importRealm, type RealmSummary } from './realm/realm-import.ts';

export type ImportOptions = {
  format?: string;
  dryRun?: boolean;
  update?: boolean;
  usernames?: boolean;
  hashFormat?: string;
  hashParameters?: string;
  encoding?: string;
  report?: string;
};
export type RealmOptions = Pick<ImportOptions, 'dryRun' | 'update' | 'usernames' | 'encoding' | 'report'>;
export type ExportOptions = { format?: string; withHashes?: boolean; output?: string };

/** Imports the users of a file in batches; returns the summary. Throws for an unknown format. */
export async function importPeople(ask: RunOperation, path: string, options: ImportOptions): Promise<ImportSummary> {
  const {
    format,
    hashFormat,
    hashParameters,
    encoding,
    report: reportPath,
    dryRun = false,
    update = false,
    usernames = false,
  } = options;
  if (format !== undefined && !isImportFormat(format))
    throw new FileProblem(`--format must be one of ${importFormats.join(', ')}`);
  const parameters = hashParameters === undefined ? undefined : await readHashParameters(hashParameters);
  return reporting(reportPath, (report) =>
    runImport({
      people: readPeople(path, { format, hash: { format: hashFormat, parameters }, usernames, encoding }),
      ask,
      update,
      dryRun,
      report,
      progress,
    }),
  );
}

/** Imports a realm of Keycloak: roles, groups and clients, then the users with their roles and groups. */
export async function importRealmFiles(
  ask: RunOperation,
  paths: readonly string[],
  { dryRun = false, update = false, usernames = false, encoding, report: reportPath }: RealmOptions,
): Promise<RealmSummary> {
  return reporting(reportPath, (report) =>
    importRealm({ paths, ask, update, dryRun, usernames, encoding, report, progress }),
  );
}

function progress({ lines }: ImportSummary): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${lines.toLocaleString('en')} lines`);
}

/** The report has one line for each result, as soon as it is known. */
async function reporting<T>(
  path: string | undefined,
  work: (report: (result: object) => void) => Promise<T>,
): Promise<T> {
  const report = path === undefined ? null : await openReport(path);
  try {
    return await work((result) => void report?.write(`${JSON.stringify(result)}\n`));
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    report?.end();
    if (report) await finished(report);
  }
}

/** It names users, so only its owner may read it; the file may be an older one that others could read. */
async function openReport(path: string): Promise<WriteStream> {
  const file = await open(path, 'w', 0o600);
  if ((await file.stat()).isFile()) await file.chmod(0o600);
  return file.createWriteStream();
}

/** To a file that only its owner may read, or to standard output. */
export async function exportPeople(
  ask: RunOperation,
  options: ExportOptions,
  stdout: Writable = process.stdout,
): Promise<{ users: number }> {
  const { format = 'jsonl', withHashes = false, output: path } = options;
  if (format !== 'jsonl' && format !== 'csv') throw new FileProblem('--format must be jsonl or csv');
  const output = path === undefined ? stdout : createWriteStream(path, { flags: 'wx', mode: 0o600 });
  const summary = await runExport({ ask, output, format, withHashes });
  if (output !== stdout) {
    output.end();
    await finished(output);
  }
  return summary;
}

const isImportFormat = (format: string): format is ImportFormat => importFormats.some((known) => known === format);
