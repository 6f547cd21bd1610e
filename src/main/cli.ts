/** The command line as a process: one command, its answer, its exit code. */
import { describeError } from '#kernel/log.ts';
import { runCommandLine } from './cli-program.ts';
import { runToEnd } from './process-end.ts';

// Files of this process are for its own user: secrets, the database with its write-ahead log, exports, reports.
process.umask(0o077);

runToEnd(
  (life) => runCommandLine(process.argv.slice(2), { life }),
  (error) => void process.stderr.write(`latchkey: ${describeError(error)}\n`),
);
