import { readFile, stat } from 'node:fs/promises';
import { FileProblem, type Numbered } from './numbered.ts';
import { LARGEST_DOCUMENT } from '../limits.ts';

/** One JSON document with users in `users`, or a list of users. A line number means the position of a user. */
export async function* readJsonDocument(path: string): AsyncGenerator<Numbered> {
  if ((await stat(path)).size > LARGEST_DOCUMENT)
    throw new FileProblem('the file is larger than 256 MiB: export it in several, or as JSON lines');
  const people = usersOf(documentOf(await readFile(path, 'utf8')));
  for (const [at, record] of people.entries()) yield { line: at + 1, record };
}

function documentOf(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    throw new FileProblem('the file is not JSON');
  }
}

function usersOf(document: unknown): unknown[] {
  if (Array.isArray(document)) return document;
  const users = document !== null && typeof document === 'object' && 'users' in document ? document.users : undefined;
  if (!Array.isArray(users)) throw new FileProblem('the file has no users');
  return users;
}
