import { pipeline, Readable } from 'node:stream';
import { CsvError, type Options, parse } from 'csv-parse';
import { FileProblem, type Numbered } from './numbered.ts';
import { textOf } from './text.ts';
import { LONGEST_RECORD } from '../limits.ts';

const booleans = new Set(['email_verified', 'phone_number_verified', 'administrator', 'password_update_required']);
const numbers = new Set(['totp_digits', 'totp_period']);
const objects = new Set([
  'address',
  'properties',
  'identities',
  'further_emails',
  'further_phone_numbers',
  'roles',
  'groups',
  'password_hash_parameters',
]);

/** The columns of an export; an import takes them in any order, and members of objects as `address.country`. */
export const COLUMNS = [
  'id',
  'legacy_id',
  'username',
  'email',
  'email_verified',
  'phone_number',
  'phone_number_verified',
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'address',
  'properties',
  'status',
  'created_at',
  'password_hash',
  'password_hash_format',
  'password_update_required',
  'totp_secret',
  'totp_algorithm',
  'totp_digits',
  'totp_period',
  'identities',
  'further_emails',
  'further_phone_numbers',
] as const;

/** RFC 4180, with the names of the columns in the first line. */
export async function* readCsv(path: string, encoding?: string): AsyncGenerator<Numbered> {
  for await (const { line, record } of rowsOf(path, encoding, { columns: true }))
    yield typed(line, record as Record<string, string>);
}

/** The rows of a file that has no names of columns. */
export async function* readBareCsv(path: string, encoding?: string): AsyncGenerator<Numbered> {
  yield* rowsOf(path, encoding, { relax_column_count: true });
}

async function* rowsOf(path: string, encoding: string | undefined, options: Options): AsyncGenerator<Numbered> {
  const rows = parse({ ...options, info: true, skip_empty_lines: true, max_record_size: LONGEST_RECORD });
  pipeline(Readable.from(textOf(path, encoding)), rows, () => undefined);
  try {
    for await (const { info, record } of rows as AsyncIterable<{ info: { lines: number }; record: unknown }>)
      yield { line: info.lines, record };
  } catch (error) {
    // After an unclosed quote the start of the next record is unknown.
    if (error instanceof CsvError) throw new FileProblem(error.message);
    throw error;
  }
}

function typed(line: number, columns: Record<string, string>): Numbered {
  const record: Record<string, unknown> = {};
  for (const [column, text] of Object.entries(columns)) {
    if (text === '') continue;
    const [name = '', member] = /^(address|properties|password_hash_parameters)\.(.+)$/.exec(column)?.slice(1) ?? [
      column,
    ];
    if (member !== undefined) {
      record[name] = { ...(record[name] as object | undefined), [member]: text };
      continue;
    }
    const value = valueOf(name, text);
    if (value === undefined)
      return { line, record: columns, problem: `${name}: "${text.slice(0, 40)}" is not understood` };
    record[name] = value;
  }
  return { line, record };
}

function valueOf(name: string, text: string): unknown {
  if (booleans.has(name))
    return { true: true, '1': true, yes: true, false: false, '0': false, no: false }[text.toLowerCase()];
  if (numbers.has(name)) return Number.isFinite(Number(text)) ? Number(text) : undefined;
  if (!objects.has(name)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
