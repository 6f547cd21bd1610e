import { z } from 'zod';
import { type AuditLog, operator } from '#audit/module.ts';
import { commandInput } from '#kernel/control.ts';
import { parseId } from '#kernel/ids.ts';
import { importInvalid } from './errors.ts';
import type { ExportService } from './export-service.ts';
import type { ImportService } from './import-service.ts';
import { MOST_LINES } from './limits.ts';
import { usersExported } from './events.ts';

const importInput = z.object({
  lines: z.array(z.object({ line: z.number().int(), record: z.unknown() })).max(MOST_LINES),
  update: z.boolean().default(false),
  dry_run: z.boolean().default(false),
});
const exportInput = z.object({ after: z.string().optional(), with_hashes: z.boolean().default(false) });

export function migrationCommands({
  imports,
  exports,
  audit,
}: {
  imports: ImportService;
  exports: ExportService;
  audit: Pick<AuditLog, 'note'>;
}) {
  return {
    async 'user.import'(input: unknown) {
      const { lines, update, dry_run: dryRun } = commandInput(importInput, input, importInvalid);
      return { results: await imports.run({ lines, update, dryRun }) };
    },
    async 'user.export'(input: unknown) {
      const { after, with_hashes: withHashes } = commandInput(exportInput, input, importInvalid);
      const from = after === undefined ? null : parseId('usr', after);
      if (after === undefined) await audit.note(usersExported({ ...operator, details: { with_hashes: withHashes } }));
      const users = await exports.page(from, MOST_LINES, withHashes);
      return { users, ...(users.length === MOST_LINES ? { next: users.at(-1)!['id'] } : {}) };
    },
  };
}
