import { foreignHash, HashRefusal, OLD_SYSTEM } from '#credentials/module.ts';
import { fromAuth0 } from '../sources/auth0.ts';
import { fromFirebase } from '../sources/firebase.ts';
import { type AccessNames, keycloakMapping } from '../sources/keycloak.ts';
import { isObject, type Members } from '../sources/members.ts';
import { readBareCsv, readCsv } from './csv.ts';
import { readJsonDocument } from './json-document.ts';
import { firstLetterOf, readJsonLines } from './json-lines.ts';
import { FileProblem, type Mapped, type Mapping, type Numbered } from './numbered.ts';
import { requireText } from './text.ts';

type Read = (path: string, encoding?: string) => AsyncGenerator<Numbered>;

const formats = {
  jsonl: { read: readJsonLines, map: undefined },
  csv: { read: readCsv, map: undefined },
  keycloak: { read: readJsonDocument, map: keycloakMapping() },
  auth0: { read: readJsonLines, map: fromAuth0 },
  firebase: { read: readFirebase, map: fromFirebase },
} as const satisfies Record<string, { read: Read; map: Mapping | undefined }>;

export type ImportFormat = keyof typeof formats;
export const importFormats = Object.keys(formats) as ImportFormat[];

/** Default members of all lines. */
type HashDefaults = { format?: string | undefined; parameters?: Readonly<Record<string, unknown>> | undefined };

type How = {
  format: ImportFormat | undefined;
  hash: HashDefaults;
  usernames?: boolean;
  /** Of the file; UTF-8 where nothing else is said or marked. */
  encoding?: string | undefined;
  /** In a realm of Keycloak: what roles and groups are called here. */
  accessOf?: AccessNames | undefined;
};

/** The users of a file in our form, one after the other. Throws FileProblem before the first of them where the file is not text. */
export async function* readPeople(
  path: string,
  { format = formatOf(path), hash, usernames = false, encoding, accessOf }: How,
): AsyncGenerator<Numbered> {
  await requireText(path, encoding);
  const { read, map }: { read: Read; map: Mapping | undefined } = formats[format];
  const mapped = accessOf === undefined ? map : keycloakMapping(accessOf);
  for await (const numbered of read(path, encoding)) {
    if (mapped === undefined || numbered.problem !== undefined)
      yield { ...numbered, record: completed(numbered.record, usernames, hash) };
    else {
      const { record, ...about } = mapped(numbered.record);
      yield { ...numbered, ...about, ...withUsableHash({ ...about, record: completed(record, usernames, hash) }) };
    }
  }
}

function formatOf(path: string): ImportFormat {
  return /\.csv(\.gz)?$/i.test(path) ? 'csv' : 'jsonl';
}

/** Firebase writes both; its CSV has no names of columns. */
async function* readFirebase(path: string, encoding?: string): AsyncGenerator<Numbered> {
  const first = await firstLetterOf(path, encoding);
  if (first === undefined) throw new FileProblem('the file is empty');
  yield* first === '{' || first === '[' ? readJsonDocument(path, encoding) : readBareCsv(path, encoding);
}

const completed = (record: unknown, usernames: boolean, hash: HashDefaults): unknown =>
  withDefaults(usernames ? withUsername(record) : record, hash);

/** The name that the old system calls preferred is the username here. */
function withUsername(record: unknown): unknown {
  if (record === null || typeof record !== 'object' || 'username' in record) return record;
  const { preferred_username: username, ...others } = record as { preferred_username?: unknown };
  return username === undefined || username === '' ? record : { ...others, username };
}

function withDefaults(record: unknown, { format, parameters }: HashDefaults): unknown {
  if (record === null || typeof record !== 'object' || !('password_hash' in record)) return record;
  if (record.password_hash === undefined || record.password_hash === '') return record;
  const own = 'password_hash_parameters' in record ? (record.password_hash_parameters as object) : undefined;
  return {
    ...record,
    ...(format !== undefined && !('password_hash_format' in record) ? { password_hash_format: format } : {}),
    ...(parameters === undefined && own === undefined ? {} : { password_hash_parameters: { ...parameters, ...own } }),
  };
}

/** A user of another product whose password cannot be compared here comes without one: the link "Forgot password" gives a new one. */
function withUsableHash({ record, warnings = [] }: Mapped): Mapped {
  if (!isObject(record) || record['password_hash'] === undefined) return { record, warnings };
  const problem = problemOfHash(record);
  if (problem === null) return { record, warnings };
  const { password_hash: _hash, password_hash_format: _format, password_hash_parameters: _given, ...others } = record;
  return {
    record: others,
    warnings: [...warnings, `password_hash: left out, the user has no password here: ${problem}`],
  };
}

function problemOfHash({ password_hash: hash, password_hash_format: format, ...others }: Members): string | null {
  if (format === OLD_SYSTEM) return null;
  try {
    foreignHash({
      hash: typeof hash === 'string' ? hash : JSON.stringify(hash),
      format: typeof format === 'string' ? format : undefined,
      parameters: others['password_hash_parameters'],
    });
    return null;
  } catch (error) {
    if (error instanceof HashRefusal) return error.message;
    throw error;
  }
}
