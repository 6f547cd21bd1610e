/** Commands that move files: each calls operations in many parts. */
import type { Command } from 'commander';
import { groupOf, leafOf } from './cli-operations.ts';

export type Files = {
  importPeople(path: string, options: Record<string, unknown>, command: Command): Promise<void>;
  importRealm(paths: string[], options: Record<string, unknown>, command: Command): Promise<void>;
  exportPeople(options: Record<string, unknown>, command: Command): Promise<void>;
};

const ENCODING = [
  '--encoding <name>',
  'Encoding of the file, such as windows-1252, latin1 or utf-16le (default: utf-8)',
] as const;
const REPORT = ['--report <file>', 'File to write, with the outcome of each line as JSON lines'] as const;

/** Defines `user import`, `user export` and `realm import`. */
export function defineFiles(program: Command, files: Files): void {
  const user = groupOf(program, 'user');
  leafOf(user, 'import', 'Import users from a file, with the hashes of their passwords.')
    .argument('<file>', 'File to read')
    .option('--format <format>', 'jsonl, csv, keycloak, auth0 or firebase (default: what the name of the file says)')
    .option('--dry-run', 'Check every line and change nothing')
    .option('--update', 'Change users who are here already, instead of leaving them as they are')
    .option('--usernames', 'Make the claim preferred_username of each line the username')
    .option('--hash-format <format>', 'Format of password_hash where a line does not say it')
    .option('--hash-parameters <file>', 'JSON file with the parameters that all hashes share')
    .option(...ENCODING)
    .option(...REPORT)
    .action((path: string, options: Record<string, unknown>, command: Command) =>
      files.importPeople(path, options, command),
    );
  leafOf(user, 'export', 'Export all users in the form that user import takes.')
    .option('--format <format>', 'jsonl or csv (default: jsonl)')
    .option('--with-hashes', 'With password hashes and the secrets of authenticator apps')
    .option('--output <file>', 'New file to write, which only you may read')
    .action((options: Record<string, unknown>, command: Command) => files.exportPeople(options, command));
  leafOf(groupOf(program, 'realm'), 'import', 'Import a realm of Keycloak: roles, groups, clients and users.')
    .argument('<files...>', 'Files of one realm, as kc.sh export writes them')
    .option('--dry-run', 'Check everything and change nothing')
    .option('--update', 'Change users who are here already, and give roles to them and to groups')
    .option('--usernames', 'Make the username of each user the username here')
    .option(...ENCODING)
    .option(...REPORT)
    .action((paths: string[], options: Record<string, unknown>, command: Command) =>
      files.importRealm(paths, options, command),
    );
}
