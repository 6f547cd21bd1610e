// Writes docs/configuration.md from the schema that reads the environment: npm run docs:configuration
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { configSchema } from '#kernel/config.ts';
import { connectionVariables } from '#connections/connection-variables.ts';

const head = `# Configuration

Environment variables configure Latchkey; there is no configuration file. If a variable is wrong or missing, the start stops with a message that
names the variable and the fix. An empty value counts as not set. Policies (sign-in, passwords, sessions, token lifetimes, keys,
registration of clients) are settings in the database and apply to every node: see [operations](operations.md#settings).

\`npm run docs:configuration\` generates this page from \`src/kernel/config.ts\`.

| variable | default | meaning |
|---|---|---|
`;

const connections = `
## Connections to identity providers

These variables create a [connection](social.md#configuration-by-environment) of the instance at the start; SLUG is its slug in capitals, with underscores for hyphens.

| variable | default | meaning |
|---|---|---|
`;

function defaultOf(schema: z.ZodType): string {
  if (!(schema instanceof z.ZodDefault)) return '–';
  return `\`${String(schema.def.defaultValue)}\``;
}

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  const rows = Object.entries(configSchema.shape).map(
    ([name, schema]) =>
      `| \`${name}\` | ${defaultOf(schema)} | ${(schema.description ?? '').replaceAll('|', '\\|')} |\n`,
  );
  const ofConnections = Object.entries(connectionVariables).map(
    ([member, meaning]) => `| \`LATCHKEY_CONNECTION_SLUG_${member}\` | – | ${meaning} |\n`,
  );
  return head + rows.join('') + connections + ofConnections.join('');
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'configuration.md'), configurationPage());
