// The page docs/api/operations.md: every operation of the management API, by noun.
import { type ApiDocument, operationsOf } from '../src/api/document-form.ts';
import { operations } from '../src/app/operations.ts';
import { wordsOf } from '../src/main/cli-operations.ts';

const head = `# Operations of the management API

Every operation with its call, the permission that it needs, and its command. [The API](../api.md) says how calls work; \`/api/docs\` of your instance shows the members, the
errors and an example of each.

This page is made from the operations (\`src/app/operations.ts\`) by \`npm run docs:api\`.
`;

/** A command is a group and a word in it. */
const commandOf = (words: readonly string[]): string => [...new Set([words[0], words.at(-1)])].join(' ');

/** The text of docs/api/operations.md. */
export function operationsPage(document: ApiDocument): string {
  const declared = new Map(operations.map((operation) => [operation.name, operation]));
  const all = operationsOf(document);
  const sections = document.tags.map(({ name, description = '' }) => {
    const rows = all
      .filter(({ operation }) => operation.tags[0] === name)
      .map(({ path, method, operation: { operationId: id, security, deprecated } }) => {
        const command = declared.get(id);
        const words = command?.command ? `\`latchkey ${commandOf(wordsOf(command))}\`` : '–';
        const call = `\`${method.toUpperCase()} ${path}\`${deprecated ? ' (deprecated)' : ''}`;
        return `| \`${id}\` | ${call} | \`${security[0]?.['oauth2']?.[0]}\` | ${words} |\n`;
      });
    return `\n## ${name}\n\n${description}\n\n| operation | call | permission | command |\n|---|---|---|---|\n${rows.join('')}`;
  });
  return head + sections.join('');
}
