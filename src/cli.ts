/** The command line: reads arguments, has one command run, prints its answer. Exit codes: 0 done, 1 refused, 2 wrong usage. */
import { Command, CommanderError } from 'commander';
import { ConfigError, readConfig } from '#kernel/config.ts';
import { defineCommands } from './cli-commands.ts';
import { execute, print } from './cli-run.ts';

const DONE = 0;
const REFUSED = 1;
const WRONG_USAGE = 2;

const program = new Command('latchkey')
  .description('OpenID Connect provider and identity platform')
  .showHelpAfterError()
  .exitOverride()
  .option('--json', 'print the answer as JSON');

program
  .command('serve')
  .description('start the server')
  .action(async () => {
    const { start } = await import('./start.ts');
    process.exit(await start(readConfig()));
  });

program
  .command('migrate')
  .description('bring the database up to date and stop')
  .action(async () => {
    const { migrate } = await import('./cli-run.ts');
    await migrate(readConfig());
  });

defineCommands(program, async (name, input, command) => {
  const answer = await execute(readConfig(), name, input);
  print(answer, Boolean(command.optsWithGlobals()['json']));
  process.exitCode = answer.ok ? DONE : REFUSED;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? DONE : WRONG_USAGE;
  } else if (error instanceof ConfigError) {
    process.stderr.write(`latchkey: ${error.message}\n`);
    process.exitCode = WRONG_USAGE;
  } else {
    process.stderr.write(`latchkey: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = REFUSED;
  }
}
