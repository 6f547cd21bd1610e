/**
 * migration: people who come from another system, or go to one.
 *
 * Owns    the form of a person in files; reading and writing these files, those of other products among them; asking the old
 *         system about people whom nobody brought.
 * Leaves  the people to users, checking foreign hashes to credentials, the commands' words to the command line.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import { migrationCommands } from './commands.ts';
import { type ExportDependencies, ExportService } from './export-service.ts';
import { type ImportDependencies, ImportService } from './import-service.ts';

export type Dependencies = ImportDependencies & ExportDependencies & { audit: Pick<AuditLog, 'note' | 'recordAll'> };

export function createMigration(dependencies: Dependencies) {
  return {
    commands: migrationCommands({
      imports: new ImportService(dependencies),
      exports: new ExportService(dependencies),
      audit: dependencies.audit,
    }),
  };
}

export { createOldSystem } from './old-system.ts';
