import type { z } from 'zod';
import { foreignHash, HashRefusal, OLD_SYSTEM, totpImport, type TotpImport } from '#credentials/module.ts';
import { AppError } from '#kernel/errors.ts';
import { parseId } from '#kernel/ids.ts';
import {
  newCanonicalEmail,
  type Profile,
  type UserId,
  type Username,
  type Usernames,
} from '#directory/users/module.ts';
import type { BulkContact } from '#directory/contacts/module.ts';
import { forgiven } from './forgiving.ts';
import { type Identity, importRecord, type ImportRecord } from './import-form.ts';

type ImportedPassword =
  | { kind: 'none' }
  | { kind: 'plain'; password: string }
  | { kind: 'hash'; hash: string; scheme: string };

export type FurtherContact = Omit<BulkContact, 'userId'>;

/** A record with checked members. An undefined member was not given. */
export type ImportedUser = {
  id: UserId | undefined;
  username: Username | undefined;
  legacyId: string | undefined;
  email: string | null;
  emailCanonical: string | null;
  emailVerified: boolean | undefined;
  phoneNumber: string | undefined;
  phoneNumberVerified: boolean | undefined;
  profile: Profile;
  properties: Record<string, unknown> | undefined;
  status: 'active' | 'disabled' | undefined;
  createdAt: string | undefined;
  password: ImportedPassword;
  passwordUpdateRequired: boolean | undefined;
  totp: TotpImport | undefined;
  identities: Identity[];
  further: FurtherContact[];
  /** Names of roles and groups of the instance. */
  grants: { roles: readonly string[]; groups: readonly string[] };
};

/** The rules of usernames. */
type Accept = Pick<Usernames, 'accept'>;
type Read = { kind: 'ready'; user: ImportedUser; warnings: readonly string[] } | { kind: 'refused'; reason: string };

/**
 * Checks a record as a file has it. Null and empty members count as not given: CSV has no other way to say so. An optional member
 * that no user here can have is left out with a warning; what says who the user is, or how they sign in, is refused.
 */
export function readImportRecord(given: unknown, usernames: Accept): Read {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return refused('the line is no object');
  const { record, warnings } = forgiven(withoutEmpty(given));
  const parsed = importRecord.safeParse(record);
  if (!parsed.success) return refused(reasonOf(parsed.error));
  try {
    return { kind: 'ready', user: checked(parsed.data, usernames, warnings), warnings };
  } catch (error) {
    if (error instanceof RecordRefusal) return refused(error.message);
    throw error;
  }
}

class RecordRefusal extends Error {}

const refused = (reason: string): Read => ({ kind: 'refused', reason });

function checked(record: ImportRecord, usernames: Accept, warnings: string[]): ImportedUser {
  const { id, username, legacy_id, email, email_verified, phone_number, phone_number_verified, ...others } = record;
  const { properties, status, created_at, ...rest } = others;
  const {
    password,
    password_hash,
    password_hash_format,
    password_hash_parameters,
    password_update_required,
    totp_secret,
    totp_algorithm,
    totp_digits,
    totp_period,
    identities,
    further_emails,
    further_phone_numbers,
    roles,
    groups,
    administrator: _never,
    ...profile
  } = rest;
  const emailCanonical = email === undefined ? null : readEmail(email);
  if (email === undefined && username === undefined)
    throw new RecordRefusal(
      'email: give an address, or a username where users have usernames (setting users.username, option --usernames)',
    );
  if (email === undefined && further_emails !== undefined)
    throw new RecordRefusal('further_emails: give one of them as email');
  const userId = id === undefined ? undefined : parseId('usr', id);
  if (userId === null) throw new RecordRefusal('id: must be one of Latchkey, like usr_01h455vb4pex5vsknk084sn02q');
  return {
    id: userId,
    username: username === undefined ? undefined : readUsername(username, usernames),
    legacyId: legacy_id,
    email: email?.trim() ?? null,
    emailCanonical,
    emailVerified: email === undefined ? undefined : email_verified,
    phoneNumber: phone_number,
    phoneNumberVerified: phone_number_verified,
    profile,
    properties,
    status,
    createdAt: created_at === undefined ? undefined : new Date(created_at).toISOString(),
    password: readPassword({ password, password_hash, password_hash_format, password_hash_parameters }),
    passwordUpdateRequired: password_update_required,
    totp: readTotp({ totp_secret, totp_algorithm, totp_digits, totp_period }, warnings),
    identities: identities ?? [],
    further: [
      ...(further_emails ?? []).map(readFurtherEmail),
      ...(further_phone_numbers ?? []).map((value) => ({ kind: 'phone' as const, value, canonical: value })),
    ],
    grants: { roles: roles ?? [], groups: groups ?? [] },
  };
}

function readUsername(typed: string, usernames: Accept): Username {
  try {
    return usernames.accept(typed);
  } catch (error) {
    if (error instanceof AppError) throw new RecordRefusal(`username: ${error.message}`);
    throw error;
  }
}

function readEmail(typed: string): string {
  const canonical = newCanonicalEmail(typed);
  if (canonical === null) throw new RecordRefusal('email: must be an address like name@example.com');
  return canonical;
}

function readFurtherEmail(typed: string): FurtherContact {
  const canonical = newCanonicalEmail(typed);
  if (canonical === null) throw new RecordRefusal('further_emails: must be addresses like name@example.com');
  return { kind: 'email', value: typed.trim(), canonical };
}

function readPassword(
  given: Pick<ImportRecord, 'password' | 'password_hash' | 'password_hash_format' | 'password_hash_parameters'>,
): ImportedPassword {
  const { password, password_hash: hash, password_hash_format: format, password_hash_parameters: parameters } = given;
  if (format === OLD_SYSTEM) return { kind: 'hash', hash: '', scheme: OLD_SYSTEM };
  if (password !== undefined && hash !== undefined)
    throw new RecordRefusal('password: give it or password_hash, not both');
  if (password !== undefined) return { kind: 'plain', password };
  if (hash === undefined) return { kind: 'none' };
  try {
    const text = typeof hash === 'string' ? hash : JSON.stringify(hash);
    return { kind: 'hash', ...foreignHash({ hash: text, format, parameters }) };
  } catch (error) {
    if (error instanceof HashRefusal) throw new RecordRefusal(`password_hash: ${error.message}`);
    throw error;
  }
}

function readTotp(
  given: Pick<ImportRecord, 'totp_secret' | 'totp_algorithm' | 'totp_digits' | 'totp_period'>,
  warnings: string[],
): TotpImport | undefined {
  if (given.totp_secret === undefined) return undefined;
  const parsed = totpImport.safeParse({
    secret: given.totp_secret,
    ...(given.totp_algorithm === undefined ? {} : { algorithm: given.totp_algorithm.toLowerCase().replace('-', '') }),
    ...(given.totp_digits === undefined ? {} : { digits: given.totp_digits }),
    ...(given.totp_period === undefined ? {} : { period: given.totp_period }),
  });
  if (parsed.success) return parsed.data;
  warnings.push(`${reasonOf(parsed.error, 'totp_')}; the authenticator app is left out`);
  return undefined;
}

function withoutEmpty(given: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );
}

function reasonOf(error: z.ZodError, prefix = ''): string {
  return error.issues.map(({ path, message }) => `${prefix}${path.join('.') || 'the line'}: ${message}`).join('; ');
}
