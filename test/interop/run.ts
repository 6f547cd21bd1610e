/**
 * Real relying parties, identity providers and service providers against the product, started as an operator starts it. Install them
 * first: `bash test/interop/install.sh`. Prints a line for each cell, the tables, and at the end how many cells passed and failed.
 *
 *   node test/interop/run.ts [NAME...]     all rows, or those named; VERBOSE=1 shows what the programs said
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, setGlobalDispatcher } from 'undici';
import { summary } from './matrix.ts';
import { endPrograms } from './programs.ts';
import { relyingParties } from './relying-parties.ts';
import { meetings } from './saml/meetings.ts';

/** The folder of a run, the rows that it runs, and the place for the words of its programs. */
export type Wanted = {
  work: string;
  isWanted(row: string): boolean;
  show(name: string, output: () => string): void;
};

/** Applications close a connection that was idle for five seconds, also at the moment when a request comes. */
setGlobalDispatcher(new Agent({ keepAliveTimeout: 1000, keepAliveMaxTimeout: 1000 }));

/** Prints what the programs said, to find out why a cell failed. */
const isVerbose = process.env['VERBOSE'] !== undefined;

async function run(names: readonly string[]): Promise<boolean> {
  const work = await mkdtemp(join(tmpdir(), 'latchkey-interop-'));
  await chmod(work, 0o711); // Apache's own user must reach its folder inside
  const wanted: Wanted = {
    work,
    isWanted: (row) => names.length === 0 || names.includes(row),
    show: (name, output) => isVerbose && console.log(`--- ${name}\n${output()}`),
  };
  const [relying, met] = await Promise.all([relyingParties(wanted), meetings(wanted)]).finally(async () => {
    await endPrograms();
    await rm(work, { recursive: true, force: true });
  });
  const { text, passed, failed } = summary([relying, ...met].filter(({ rows }) => rows.length > 0));
  console.log(`\n${text}\n\n${(performance.now() / 1000).toFixed(0)} s`);
  console.log(`interop, cells: ${passed} passed, ${failed} failed`);
  return failed === 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void endPrograms().finally(() => process.exit(1)));
const isWhole = await run(process.argv.slice(2)).finally(endPrograms);
process.exit(isWhole ? 0 : 1);
