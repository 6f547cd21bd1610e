/**
 * Reads arguments, has one command run, prints its answer. Standard output carries the answer and nothing else; errors and
 * the log go to standard error. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or a wrong variable.
 */
import { Command, CommanderError } from 'commander';
import { type Config, ConfigError, readConfig } from '#kernel/config.ts';
import { isTransient } from '#kernel/database-errors.ts';
import { SealError } from '#kernel/crypto.ts';
import { describeError } from '#kernel/log.ts';
import { failureOfFolder } from '#kernel/log/mend.ts';
import { operations } from '#app/operations.ts';
import { defineDoctor, examineHere, readableReport } from './cli-doctor.ts';
import { defineFiles, type Files } from './cli-files.ts';
import { defineOperations, inFlags } from './cli-operations.ts';
import { execute, openCommands, type OpenApp, print, printError, type Terminal } from './cli-run.ts';
import type { ProcessLife } from './process-end.ts';

const DONE = 0;
const REFUSED = 1;
const WRONG_USAGE = 2;

type Options = {
  terminal?: Terminal;
  env?: Readonly<Record<string, string | undefined>>;
  /** Opens the product in this process; other than the real one in tests. */
  openApp?: OpenApp;
  /** Of the process that runs the program; none in tests. */
  life?: ProcessLife;
};

/** Every command with its arguments, and the exit code of the one that was run. */
export function createProgram({ terminal = process, env, openApp, life }: Options = {}) {
  let code = DONE;
  let config: Config | undefined;
  const configure = (): Config => (config = readConfig(env));
  const place = (command: Command) => ({
    words: wordsOf(command),
    config: configure(),
    terminal,
    openApp,
    opened: life?.opened,
  });
  const program = new Command('latchkey')
    .description('OpenID Connect provider and identity platform')
    .showHelpAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    })
    .option('--json', 'Print the answer as JSON');

  program
    .command('serve')
    .description('Start the server.')
    .action(async () => {
      const config = configure();
      const { start } = await import('./start.ts');
      if (life) code = await start(config, life);
    });

  const files: Files = {
    async importPeople(path, options, command) {
      const { importPeople } = await import('#migration/command-line.ts');
      const commands = openCommands(place(command));
      try {
        const summary = await importPeople(commands.run, path, options);
        print(terminal, { ok: true, result: summary }, asJson(command));
        code = summary.refused === 0 ? DONE : REFUSED;
      } finally {
        await commands.close();
      }
    },
    async importRealm(paths, options, command) {
      const { importRealmFiles } = await import('#migration/command-line.ts');
      const commands = openCommands(place(command));
      try {
        const summary = await importRealmFiles(commands.run, paths, options);
        print(terminal, { ok: true, result: summary }, asJson(command));
        code = summary.refusals.length === 0 ? DONE : REFUSED;
      } finally {
        await commands.close();
      }
    },
    async exportPeople(options, command) {
      const { exportPeople } = await import('#migration/command-line.ts');
      const commands = openCommands(place(command));
      try {
        const summary = await exportPeople(commands.run, options, terminal.stdout);
        if (options['output'] !== undefined) print(terminal, { ok: true, result: summary }, asJson(command));
      } finally {
        await commands.close();
      }
    },
  };

  defineOperations(program, operations, async (operation, given, command) => {
    const answer = await execute(place(command), operation, given);
    print(terminal, inFlags(operation, answer), asJson(command));
    code = answer.ok ? DONE : REFUSED;
  });
  defineFiles(program, files);
  defineDoctor(program, async (command) => {
    const report = await examineHere(() => place(command));
    const text = asJson(command) ? JSON.stringify(report, null, 2) : readableReport(report);
    terminal.stdout.write(`${text}\n`);
    code = report.status === 'failed' ? REFUSED : DONE;
  });
  return { program, code: () => code, config: () => config };
}

/** `user import`: what the user typed, without arguments. */
function wordsOf(command: Command): string {
  const above = command.parent?.parent ? `${command.parent.name()} ` : '';
  return `${above}${command.name()}`;
}

const asJson = (command: Command): boolean => Boolean(command.optsWithGlobals()['json']);

/** Runs one command and returns its exit code: 0 done, 1 refused or failed, 2 wrong usage. */
export async function runCommandLine(words: readonly string[], options: Options = {}): Promise<number> {
  const { terminal = process } = options;
  const { program, code, config } = createProgram(options);
  // Wrong usage is found before the options are known.
  const json = words.includes('--json');
  if (json) silenceUsage(program);
  try {
    await program.parseAsync(words, { from: 'user' });
    return code();
  } catch (error) {
    if (error instanceof CommanderError) {
      if (json && error.exitCode !== 0)
        printError(terminal, { code: 'usage', message: error.message.replace(/^error: /, '') }, json);
      return error.exitCode === 0 ? DONE : WRONG_USAGE;
    }
    if (error instanceof ConfigError) {
      printError(terminal, { code: 'config.invalid', message: error.message }, json);
      // A variable that cannot be read is wrong usage; what cannot be done with a right one has failed.
      return config() ? REFUSED : WRONG_USAGE;
    }
    printError(
      terminal,
      { code: isTransient(error) ? 'control.unavailable' : 'control.fault', message: mendOf(error, config()) },
      json,
    );
    return REFUSED;
  }
}

function mendOf(error: unknown, config: Config | undefined): string {
  if (error instanceof SealError)
    return `LATCHKEY_SECRETS${config?.embedded ? ', or the file secrets in LATCHKEY_DATA,' : ''} does not hold the secret under which the database was sealed. Put it back, behind the new one (docs/operations.md): ${describeError(error)}`;
  return (config && failureOfFolder(error, config)) ?? describeError(error);
}

/** For a machine wrong usage is one JSON document like every other error. */
function silenceUsage(command: Command): void {
  command.configureOutput({ ...command.configureOutput(), writeErr: () => undefined });
  for (const below of command.commands) silenceUsage(below);
}
