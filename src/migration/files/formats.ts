import { fromAuth0 } from '../sources/auth0.ts';
import { fromFirebase } from '../sources/firebase.ts';
import { fromKeycloak } from '../sources/keycloak.ts';
import { readCsv } from './csv.ts';
import { readJsonDocument } from './json-document.ts';
import { readJsonLines } from './json-lines.ts';
import type { Mapping, Numbered } from './numbered.ts';

const formats = {
  jsonl: { read: readJsonLines, map: undefined },
  csv: { read: readCsv, map: undefined },
  keycloak: { read: readJsonDocument, map: fromKeycloak },
  auth0: { read: readJsonLines, map: fromAuth0 },
  firebase: { read: readJsonDocument, map: fromFirebase },
} as const satisfies Record<string, { read: (path: string) => AsyncGenerator<Numbered>; map: Mapping | undefined }>;

export type ImportFormat = keyof typeof formats;
export const importFormats = Object.keys(formats) as ImportFormat[];

/** Default members of all lines. */
type HashDefaults = { format?: string | undefined; parameters?: Readonly<Record<string, unknown>> | undefined };

/** The users of a file in our form, one after the other. */
export async function* readPeople(
  path: string,
  { format, hash, usernames = false }: { format: ImportFormat | undefined; hash: HashDefaults; usernames?: boolean },
): AsyncGenerator<Numbered> {
  const { read, map }: { read: (path: string) => AsyncGenerator<Numbered>; map: Mapping | undefined } =
    formats[format ?? (path.endsWith('.csv') ? 'csv' : 'jsonl')];
  for await (const numbered of read(path)) {
    const record = map === undefined || numbered.problem !== undefined ? numbered.record : map(numbered.record);
    yield { ...numbered, record: withDefaults(usernames ? withUsername(record) : record, hash) };
  }
}

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
