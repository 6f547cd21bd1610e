/** The command line: reads arguments, has one command run, prints its answer. Exit codes: 0 done, 1 refused, 2 wrong usage. */
import { Command, CommanderError } from 'commander';
import { ConfigError, readConfig } from '#kernel/config.ts';
import { defineCommands, type Files } from './cli-commands.ts';
import { execute, openCommands, print } from './cli-run.ts';

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

const asJson = (command: Command): boolean => Boolean(command.optsWithGlobals()['json']);

const files: Files = {
  async importPeople(path, options, command) {
    const { importPeople } = await import('#migration/command-line.ts');
    const commands = openCommands(readConfig());
    try {
      const summary = await importPeople(commands.run, path, options);
      print({ ok: true, result: summary }, asJson(command));
      process.exitCode = summary.refused === 0 ? DONE : REFUSED;
    } finally {
      await commands.close();
    }
  },
  async exportPeople(options, command) {
    const { exportPeople } = await import('#migration/command-line.ts');
    const commands = openCommands(readConfig());
    try {
      const summary = await exportPeople(commands.run, options);
      if (options['output'] !== undefined) print({ ok: true, result: summary }, asJson(command));
    } finally {
      await commands.close();
    }
  },
};

defineCommands(
  program,
  async (name, input, command) => {
    const answer = await execute(readConfig(), name, input);
    print(answer, asJson(command));
    process.exitCode = answer.ok ? DONE : REFUSED;
  },
  files,
);

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
