/** Parts of `user import` and `user export`, whose files the command line reads and writes (command-line.ts). */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { changedMeanwhile } from './errors.ts';
import type { ExportService } from './export-service.ts';
import type { ImportService } from './import-service.ts';
import { MOST_LINES } from './limits.ts';
import { userImported, usersExported } from './events.ts';

type Services = { imports: Pick<ImportService, 'run'>; exports: Pick<ExportService, 'page'> };

const importUsers = operation({
  name: 'users.import',
  permission: 'users.manage',
  input: z.strictObject({
    lines: z
      .array(z.strictObject({ line: z.int(), record: z.unknown() }))
      .max(MOST_LINES)
      .describe('Users in the form of docs/migrating.md, each with the number of its line'),
    update: z.boolean().default(false).describe('Also change existing users'),
    dry_run: z.boolean().default(false).describe('Check every line and change nothing'),
  }),
  output: z.strictObject({
    results: z.array(
      z.strictObject({
        line: z.int(),
        outcome: z.enum(['created', 'updated', 'unchanged', 'exists', 'refused']),
        email: z.string().optional(),
        username: z.string().optional().describe('Of a line without an email address'),
        legacy_id: z.string().optional().describe('Of a line without an email address and a username'),
        id: z.string().optional(),
        reason: z.string().optional(),
        warnings: z
          .array(z.string())
          .readonly()
          .optional()
          .describe('Members that were cut or left out, each with its reason'),
      }),
    ),
  }),
  errors: [changedMeanwhile],
  event: userImported,
  description: 'Import users, with the hashes of their passwords. One call is one transaction.',
  example: { lines: [{ line: 1, record: { email: 'ada@example.com' } }] },
  command: false,
  run: async ({ lines, update, dry_run: dryRun }, by: By, { imports }: Services) => ({
    results: await imports.run({ lines, update, dryRun }, by),
  }),
});

const exportUsers = operation({
  name: 'users.export',
  permission: 'users.export',
  input: z.strictObject({
    after: idSchema('usr').optional().describe('User id after which the export continues'),
    with_hashes: z.boolean().default(false).describe('Include password hashes and the secrets of authenticator apps'),
  }),
  output: z.strictObject({
    users: z.array(z.record(z.string(), z.unknown())),
    next: z.string().optional().describe('User id for the next call; missing on the last page'),
  }),
  event: usersExported,
  description: 'Export users in the form that an import takes, a page at a time.',
  example: { with_hashes: false },
  command: false,
  run: async ({ after, with_hashes: withHashes }, by: By, { exports }: Services) =>
    exports.page({ after, withHashes }, by),
});

export const migrationOperations = [importUsers, exportUsers];
