import { JSONParser } from '@streamparser/json';
import { FileProblem, type Numbered } from './numbered.ts';
import { textOf } from './text.ts';
import { LONGEST_RECORD } from '../limits.ts';
import { isObject, type Members } from '../sources/members.ts';

/** Users stand in a list, in the list `users` of an object, or in the list `users` of each object of a list (several realms). */
const USERS = ['$.users.*', '$.*.users.*'];

/** A value of a document with the keys that lead to it. */
type Value = { value: unknown; keys: readonly (string | number | undefined)[] };

/**
 * The users of one JSON document. A line number means the position of a user. Only a piece of the file is in memory at a time,
 * and the user who is read.
 */
export async function* readJsonDocument(path: string, encoding?: string): AsyncGenerator<Numbered> {
  let line = 0;
  let hasUsers = false;
  for await (const { value, keys } of valuesOf(path, encoding, ['$.*', ...USERS])) {
    const isInRoot = keys.length === 1;
    if (isInRoot && (typeof keys[0] === 'string' || isRealm(value))) {
      hasUsers ||= isObject(value) || keys[0] === 'users';
      continue;
    }
    hasUsers = true;
    line += 1;
    if (JSON.stringify(value).length > LONGEST_RECORD)
      yield { line, record: null, problem: `the user takes more than ${LONGEST_RECORD} letters` };
    else yield { line, record: value };
  }
  if (!hasUsers)
    throw new FileProblem(
      'the file has no users; the export of Keycloak’s admin console leaves them out, kc.sh export does not',
    );
}

/** The realms of a document, without their users. */
export async function readRealms(path: string, encoding?: string): Promise<Members[]> {
  for await (const { value, keys } of valuesOf(path, encoding, ['$', ...USERS]))
    if (keys.length === 0) return (Array.isArray(value) ? value : [value]).filter(isObject);
  return [];
}

/** In a list of realms one may have no users. */
const isRealm = (value: unknown): boolean =>
  isObject(value) && ('users' in value || ('realm' in value && !('username' in value) && !('email' in value)));

/** The values at these paths; users are given out at once, and are not kept in what holds them. */
async function* valuesOf(path: string, encoding: string | undefined, paths: string[]): AsyncGenerator<Value> {
  let found: Value[] = [];
  const parser = new JSONParser({ paths, keepStack: false });
  parser.onValue = ({ value, key, parent, stack }) => {
    const keys = [...stack.slice(1).map((container) => container.key), ...(stack.length > 0 ? [key] : [])];
    if (keys.length > 1 && Array.isArray(parent) && parent.at(-1) === value) parent.pop();
    found.push({ value, keys });
  };
  for await (const text of textOf(path, encoding)) {
    if (parser.isEnded && text.trim() === '') continue;
    parse(() => parser.write(text));
    yield* found;
    found = [];
  }
  if (!parser.isEnded) parse(() => parser.end());
  yield* found;
}

function parse(work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new FileProblem(`the file is not JSON: ${error instanceof Error ? error.message.slice(0, 160) : ''}`);
  }
}
