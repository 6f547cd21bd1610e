import { z } from 'zod';
import { foreignHash, HashRefusal, OLD_SYSTEM, totpImport, type TotpImport } from '#credentials/module.ts';
import { AppError } from '#kernel/errors.ts';
import { parseId } from '#kernel/ids.ts';
import {
  MOST_CONTACTS,
  newCanonicalEmail,
  phoneNumberSchema,
  type Profile,
  profileSchema,
  type UserId,
  type Username,
  type Usernames,
} from '#directory/users/module.ts';
import type { BulkContact } from '#directory/contacts/module.ts';
import { LARGEST_PROPERTIES, LONGEST_IMPORTED_PASSWORD } from './limits.ts';

/** Exact bytes, never empty, never white space alone. */
const subject = z
  .string()
  .max(255)
  .refine((text) => text.trim() !== '', 'must not be empty');
const identity = z.strictObject({
  connection: z.string().trim().min(1).max(128),
  issuer: z.string().max(512).default(''),
  subject,
});
/** Many products call the connection a provider. */
const givenIdentity = z.preprocess((given) => {
  if (given === null || typeof given !== 'object' || !('provider' in given) || 'connection' in given) return given;
  const { provider: connection, ...others } = given;
  return { connection, ...others };
}, identity);
export type Identity = z.infer<typeof identity>;

/** One user of a file. The names equal the names of the claims, and of `user list --json`. */
const importRecord = profileSchema.extend({
  id: z.string().optional(),
  /** The id in the system before this one. */
  legacy_id: z
    .string()
    .max(255)
    .refine((text) => text.trim() !== '', 'must not be empty')
    .optional(),
  username: z.string().max(512).optional(),
  /** May be missing from a user with a username. */
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  phone_number: phoneNumberSchema.optional(),
  phone_number_verified: z.boolean().optional(),
  /** In addition to the first ones, and proven. */
  further_emails: z
    .array(z.string())
    .max(MOST_CONTACTS - 1)
    .optional(),
  further_phone_numbers: z
    .array(phoneNumberSchema)
    .max(MOST_CONTACTS - 1)
    .optional(),
  properties: z
    .record(z.string().max(64), z.unknown())
    .refine((value) => JSON.stringify(value).length <= LARGEST_PROPERTIES, 'must be smaller than 16 KiB')
    .optional(),
  status: z.enum(['active', 'disabled']).optional(),
  created_at: z.iso.datetime({ offset: true }).optional(),
  password: z.string().min(1).max(LONGEST_IMPORTED_PASSWORD).optional(),
  password_hash: z.union([z.string().max(8192), z.record(z.string(), z.unknown())]).optional(),
  password_hash_format: z.string().max(64).optional(),
  password_hash_parameters: z.record(z.string(), z.unknown()).optional(),
  totp_secret: z.string().max(512).optional(),
  totp_algorithm: z.string().optional(),
  totp_digits: z.number().optional(),
  totp_period: z.number().optional(),
  identities: z.array(givenIdentity).max(32).optional(),
  administrator: z
    .literal(false, { error: 'administrators are not imported: make them here, by user create --administrator' })
    .optional(),
});
type ImportRecord = z.infer<typeof importRecord>;

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
  totp: TotpImport | undefined;
  identities: Identity[];
  further: FurtherContact[];
};

/** The rules of usernames. */
type Accept = Pick<Usernames, 'accept'>;
type Read = { kind: 'ready'; user: ImportedUser } | { kind: 'refused'; reason: string };

/** Checks a record as a file has it. Null and empty members count as not given: CSV has no other way to say so. */
export function readImportRecord(given: unknown, usernames: Accept): Read {
  const parsed = importRecord.safeParse(withoutEmpty(given));
  if (!parsed.success) return refused(reasonOf(parsed.error));
  try {
    return { kind: 'ready', user: checked(parsed.data, usernames) };
  } catch (error) {
    if (error instanceof RecordRefusal) return refused(error.message);
    throw error;
  }
}

class RecordRefusal extends Error {}

const refused = (reason: string): Read => ({ kind: 'refused', reason });

function checked(record: ImportRecord, usernames: Accept): ImportedUser {
  const { id, username, legacy_id, email, email_verified, phone_number, phone_number_verified, ...others } = record;
  const { properties, status, created_at, ...rest } = others;
  const {
    password,
    password_hash,
    password_hash_format,
    password_hash_parameters,
    totp_secret,
    totp_algorithm,
    totp_digits,
    totp_period,
    identities,
    further_emails,
    further_phone_numbers,
    administrator: _never,
    ...profile
  } = rest;
  const emailCanonical = email === undefined ? null : readEmail(email);
  if (email === undefined && username === undefined)
    throw new RecordRefusal(
      'email: give an address, or a username where users have usernames (setting users.username)',
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
    totp: totp_secret === undefined ? undefined : readTotp({ totp_secret, totp_algorithm, totp_digits, totp_period }),
    identities: identities ?? [],
    further: [
      ...(further_emails ?? []).map(readFurtherEmail),
      ...(further_phone_numbers ?? []).map((value) => ({ kind: 'phone' as const, value, canonical: value })),
    ],
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
): TotpImport {
  const parsed = totpImport.safeParse({
    secret: given.totp_secret,
    ...(given.totp_algorithm === undefined ? {} : { algorithm: given.totp_algorithm.toLowerCase().replace('-', '') }),
    ...(given.totp_digits === undefined ? {} : { digits: given.totp_digits }),
    ...(given.totp_period === undefined ? {} : { period: given.totp_period }),
  });
  if (!parsed.success) throw new RecordRefusal(reasonOf(parsed.error, 'totp_'));
  return parsed.data;
}

function withoutEmpty(given: unknown): unknown {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return given;
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== ''));
}

function reasonOf(error: z.ZodError, prefix = ''): string {
  return error.issues.map(({ path, message }) => `${prefix}${path.join('.') || 'the line'}: ${message}`).join('; ');
}
