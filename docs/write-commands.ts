// Writes docs/commands.md from the program of the command line: npm run docs:commands
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { createProgram } from '../src/main/cli-program.ts';

const head = `# Commands

Every command of \`latchkey\` with its arguments and options, as \`latchkey help\` prints them. Run them with \`npx latchkey …\` in the project's
folder, or \`docker compose exec latchkey latchkey …\` in the container; see [operations](operations.md) for what they are used for.

With \`--json\` a command prints its answer as JSON and nothing else on standard output; errors are one JSON document on standard error.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

Where a command takes the id of a user or of an organization, it takes an email address of the user or the slug of the organization as well:
\`latchkey organization add-member acme noor@example.com\`.

This page is made from the operations (\`src/app/operations.ts\`) by \`npm run docs:commands\`.
`;

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function section(command: Command, words: string): string {
  const given = command.registeredArguments.map((argument) => {
    const shown = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? ` <${shown}>` : ` [${shown}]`;
  });
  const rows = [
    ...command.registeredArguments
      .filter(({ description }) => description !== '')
      .map((argument) => [argument.name(), argument.description]),
    ...command.options.map((option) => [option.flags, option.description]),
  ];
  const table = rows
    .map(([name = '', text = '']) => `| \`${name.replaceAll('|', '\\|')}\` | ${escaped(text)} |\n`)
    .join('');
  return `\n### \`latchkey ${words}${given.join('')}\`\n\n${command.description()}\n${table && `\n| option | meaning |\n|---|---|\n${table}`}`;
}

/** The text of docs/commands.md. */
export function commandsPage(): string {
  const { program } = createProgram();
  const sections = program.commands.map((group) => {
    if (group.commands.length === 0) return section(group, group.name()).replace('###', '##');
    const below = group.commands.map((command) => section(command, `${group.name()} ${command.name()}`));
    return `\n## ${group.name()}\n\n${group.description()}.\n${below.join('')}`;
  });
  return head + sections.join('');
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'commands.md'), commandsPage());
