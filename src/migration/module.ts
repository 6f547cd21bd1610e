/**
 * migration: import of users from another system, and export.
 *
 * Owns    the form of a user in files; reading and writing these files, also files of other products; asking the old
 *         system about users who were not imported.
 * Leaves  the users to users, checking foreign hashes to credentials, the words of commands to the command line.
 * URLs    none.
 */
import { type ExportDependencies, ExportService } from './export-service.ts';
import { type ImportDependencies, ImportService } from './import-service.ts';

export type Dependencies = ImportDependencies & ExportDependencies;

/** Creates the import and the export of users. */
export function createMigration(dependencies: Dependencies) {
  return { imports: new ImportService(dependencies), exports: new ExportService(dependencies) };
}

export { createOldSystem } from './old-system.ts';
