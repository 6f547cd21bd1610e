/** Optional members of a record: a value that no user here can have is cut or left out, with a warning. */
import type { z } from 'zod';
import { cleanEmail, MOST_CONTACTS, newCanonicalEmail, profileSchema } from '#directory/users/module.ts';
import { importRecord } from './import-form.ts';
import { LARGEST_PROPERTIES, LONGEST_PROPERTY, MOST_IDENTITIES } from './limits.ts';

type Members = Record<string, unknown>;
type Forgiven = { record: Members; warnings: string[] };
/** Another spelling of a value that may be taken; undefined where there is none. */
type Mend = (value: unknown) => unknown;

const CUT = new Set(['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'gender']);

const mends: Readonly<Record<string, Mend>> = {
  // POSIX has another spelling of language tags: de_DE.UTF-8, de_DE@euro.
  locale: ofText((text) =>
    text
      .trim()
      .replace(/[.@].*$/, '')
      .replaceAll('_', '-'),
  ),
  birthdate: ofText((text) => /^\d{4}-\d{2}-\d{2}(?=T)/.exec(text)?.[0]),
  created_at: ofText((text) => (/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : undefined)),
  email_verified: readBoolean,
  phone_number_verified: readBoolean,
  password_update_required: readBoolean,
};

const optional = [
  ...Object.keys(profileSchema.shape).filter((name) => name !== 'address'),
  'phone_number',
  'email_verified',
  'phone_number_verified',
  'password_update_required',
  'created_at',
] as const;

/** The record with all its optional members in order, and what had to be changed for that. */
export function forgiven(given: Members): Forgiven {
  const record: Members = { ...given };
  const warnings: string[] = [];
  const shape: Readonly<Record<string, z.ZodType>> = importRecord.shape;
  for (const name of optional) settle(record, name, shape[name], { path: name, warnings });
  if (record['phone_number'] === undefined) delete record['phone_number_verified'];
  settleAddress(record, warnings);
  settleProperties(record, warnings);
  settleList(
    record,
    'identities',
    MOST_IDENTITIES,
    (value) => problemOf(importRecord.shape.identities, [value]),
    warnings,
  );
  settleList(record, 'further_phone_numbers', MOST_CONTACTS - 1, phoneProblem, warnings);
  settleList(record, 'further_emails', MOST_CONTACTS - 1, emailProblem, warnings);
  return { record, warnings };
}

function settle(
  record: Members,
  name: string,
  schema: z.ZodType | undefined,
  { path, warnings }: { path: string; warnings: string[] },
): void {
  const given = record[name];
  if (given === undefined || schema === undefined) return;
  const value = typeof given === 'number' ? String(given) : given;
  for (const spelling of [given, value, mends[name]?.(value)])
    if (spelling !== undefined && schema.safeParse(spelling).success) {
      record[name] = spelling;
      return;
    }
  const longest = longestOf(schema, value);
  if (longest !== undefined && typeof value === 'string' && CUT.has(name)) {
    // A character outside the first plane is one, and has two units.
    record[name] = [...value.trim()].slice(0, longest).join('');
    warnings.push(`${path}: cut to ${longest} characters`);
    return;
  }
  delete record[name];
  warnings.push(`${path}: left out: ${problemOf(schema, value) ?? 'it cannot be read'}`);
}

function settleAddress(record: Members, warnings: string[]): void {
  const given = record['address'];
  if (given === undefined) return;
  const address: Members | null = typeof given === 'string' ? { formatted: given } : asObject(given);
  delete record['address'];
  if (address === null) return void warnings.push('address: left out: it is neither an object nor text');
  const shape: Readonly<Record<string, z.ZodType>> = profileSchema.shape.address.unwrap().shape;
  const taken: Members = {};
  for (const [name, value] of Object.entries(address)) {
    const path = `address.${name}`;
    if (value === null || value === '') continue;
    if (!Object.hasOwn(shape, name)) warnings.push(`${path}: left out: an address has no such member`);
    taken[name] = Object.hasOwn(shape, name) ? value : undefined;
    settle(taken, name, shape[name], { path, warnings });
  }
  const members = Object.entries(taken).filter(([, value]) => value !== undefined);
  if (members.length > 0) record['address'] = Object.fromEntries(members);
}

/** The largest are left out until the others fit. */
function settleProperties(record: Members, warnings: string[]): void {
  const given = record['properties'];
  if (given === undefined) return;
  const properties = asObject(given);
  delete record['properties'];
  if (properties === null) return void warnings.push('properties: left out: they are no object');
  const sizes = Object.entries(properties).map(([name, value]) => ({
    name,
    size: JSON.stringify({ [name]: value }).length,
  }));
  const long = sizes.filter(({ name }) => name.length > LONGEST_PROPERTY);
  for (const { name } of long)
    warnings.push(
      `properties.${name.slice(0, LONGEST_PROPERTY)}…: left out: a name has at most ${LONGEST_PROPERTY} characters`,
    );
  let size = JSON.stringify(properties).length - long.reduce((sum, each) => sum + each.size, 0);
  const out = new Set(long.map(({ name }) => name));
  for (const each of sizes.filter(({ name }) => !out.has(name)).toSorted((a, b) => b.size - a.size)) {
    if (size <= LARGEST_PROPERTIES) break;
    size -= each.size;
    out.add(each.name);
    warnings.push(`properties.${each.name}: left out: all properties together take at most 16 KiB`);
  }
  record['properties'] = Object.fromEntries(Object.entries(properties).filter(([name]) => !out.has(name)));
}

function settleList(
  record: Members,
  name: string,
  most: number,
  problem: (value: unknown) => string | null,
  warnings: string[],
): void {
  const given = record[name];
  if (given === undefined) return;
  delete record[name];
  if (!Array.isArray(given)) return void warnings.push(`${name}: left out: it is no list`);
  const taken = given.filter((value: unknown) => {
    const reason = problem(value);
    if (reason !== null) warnings.push(`${name}: one is left out: ${reason}`);
    return reason === null;
  });
  if (taken.length > most) warnings.push(`${name}: ${taken.length - most} are left out: a user has at most ${most}`);
  if (taken.length > 0) record[name] = taken.slice(0, most);
}

const phoneProblem = (value: unknown): string | null => problemOf(importRecord.shape.phone_number, value);
const emailProblem = (value: unknown): string | null =>
  typeof value === 'string' && newCanonicalEmail(cleanEmail(value)) !== null
    ? null
    : 'must be an address like name@example.com';

function problemOf(schema: z.ZodType, value: unknown): string | null {
  const { error } = schema.safeParse(value);
  if (error === undefined) return null;
  return error.issues[0]?.message ?? 'it cannot be read';
}

/** The most characters of a text, where one more is what is wrong with it. */
function longestOf(schema: z.ZodType, value: unknown): number | undefined {
  const issue = schema.safeParse(value).error?.issues[0];
  return issue?.code === 'too_big' && typeof issue.maximum === 'number' ? issue.maximum : undefined;
}

const asObject = (value: unknown): Members | null =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Members) : null;

function ofText(mend: (text: string) => string | undefined | null): Mend {
  return (value) => (typeof value === 'string' ? (mend(value) ?? undefined) : undefined);
}

function readBoolean(value: unknown): boolean | undefined {
  return { true: true, '1': true, yes: true, false: false, '0': false, no: false }[String(value).trim().toLowerCase()];
}
