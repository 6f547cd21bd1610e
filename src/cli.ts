/** The command line: one command, its answer, its exit code. */
import { runCommandLine } from './cli-program.ts';

process.exitCode = await runCommandLine(process.argv.slice(2));
