/**
 * migration: people who come from another system, or go to one.
 *
 * Owns    the form of a person in files; reading and writing these files, those of other products among them; asking the old
 *         system about people whom nobody brought.
 * Leaves  the people to users, checking foreign hashes to credentials, the words of commands to the command line.
 * URLs    none.
 */
import { type ExportDependencies, ExportService } from './export-service.ts';
import { type ImportDependencies, ImportService } from './import-service.ts';

export type Dependencies = ImportDependencies & ExportDependencies;

export function createMigration(dependencies: Dependencies) {
  return { imports: new ImportService(dependencies), exports: new ExportService(dependencies) };
}

export { createOldSystem } from './old-system.ts';
