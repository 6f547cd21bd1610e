import type { Mapped } from '../files/numbered.ts';
import { isObject, type Members, objectIn, objectsIn, textIn } from './members.ts';

const CLAIMS = [
  'given_name',
  'family_name',
  'middle_name',
  'name',
  'nickname',
  'picture',
  'phone_number',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
] as const;
/** The factor that has a secret which can be moved. */
const APP = 'totp';
/** Providers of Auth0 that are ways to sign in, and no other system. */
const OWN = new Set(['auth0', 'email', 'sms']);

/** A user of an export of Auth0, of the hashes that its support sends, or of its own import format (`custom_password_hash`). */
export function fromAuth0(user: unknown): Mapped {
  if (!isObject(user)) return { record: user };
  const appMetadata = objectIn(user, 'app_metadata');
  const id = idOf(user);
  const totp = objectsIn(user, 'mfa_factors')
    .map((factor) => objectIn(factor, APP))
    .find(hasSecret);
  const password = passwordOf(user);
  const record = {
    legacy_id: id,
    email: user['email'],
    email_verified: user['email_verified'],
    ...Object.fromEntries(CLAIMS.map((claim) => [claim, user[claim]])),
    phone_number_verified: user['phone_verified'],
    preferred_username: user['username'],
    properties: {
      ...objectIn(user, 'user_metadata'),
      ...(Object.keys(appMetadata).length > 0 ? { app_metadata: appMetadata } : {}),
    },
    status: user['blocked'] === true ? 'disabled' : 'active',
    created_at: textIn(user, 'created_at') ?? textIn(objectIn(user, 'created_at'), '$date'),
    ...password.record,
    ...(totp ? { totp_secret: totp['secret'] } : {}),
    identities: [
      ...(id ? [{ connection: 'auth0', subject: id }] : []),
      ...objectsIn(user, 'identities')
        .filter((identity) => !OWN.has(String(identity['provider'])))
        .map((identity) => ({ connection: identity['provider'], subject: String(identity['user_id']) })),
    ],
  };
  return { record, warnings: [...password.warnings, ...otherFactors(user)] };
}

const hasSecret = (totp: Members): boolean => textIn(totp, 'secret') !== undefined;

/** An import and the file of hashes have it without the name of the connection. */
function idOf(user: Members): string | undefined {
  const id = textIn(user, 'user_id') ?? textIn(objectIn(user, '_id'), '$oid');
  return id === undefined || id.includes('|') ? id : `auth0|${id}`;
}

function otherFactors(user: Members): string[] {
  const kinds = objectsIn(user, 'mfa_factors').flatMap((factor) => Object.keys(factor));
  const others = [...new Set(kinds)].filter((kind) => kind !== APP);
  return others.map((kind) => `mfa_factors: ${kind} is left out: an authenticator app alone is taken`);
}

type Password = { record: Members; warnings: string[] };
const withoutPassword = (why: string): Password => ({ record: {}, warnings: [`password_hash: left out: ${why}`] });

function passwordOf(user: Members): Password {
  const bcrypt = textIn(user, 'passwordHash') ?? textIn(user, 'password_hash');
  if (bcrypt !== undefined) return { record: { password_hash: bcrypt }, warnings: [] };
  const custom = objectIn(user, 'custom_password_hash');
  const algorithm = textIn(custom, 'algorithm');
  if (algorithm === undefined) return { record: {}, warnings: [] };
  const encoding = textIn(objectIn(custom, 'password'), 'encoding') ?? 'utf8';
  if (!['utf8', 'ascii'].includes(encoding)) return withoutPassword(`the password was hashed as ${encoding}`);
  const hash = objectIn(custom, 'hash');
  const value = textIn(hash, 'value');
  if (value === undefined) return withoutPassword('hash.value is missing');
  switch (algorithm) {
    // These say themselves what they are.
    case 'argon2':
    case 'bcrypt':
    case 'ldap':
    case 'pbkdf2':
      return { record: { password_hash: value }, warnings: [] };
    case 'scrypt':
      return { record: { password_hash: scryptOf(custom, value), password_hash_format: 'scrypt' }, warnings: [] };
    case 'md5':
    case 'sha1':
    case 'sha256':
    case 'sha512':
      return { record: digestOf(custom, algorithm, value), warnings: [] };
    case 'hmac':
      return { record: hmacOf(hash, value), warnings: [] };
    default:
      return withoutPassword(`${algorithm} is not computed here`);
  }
}

function digestOf(custom: Members, algorithm: string, value: string): Members {
  const salt = objectIn(custom, 'salt');
  return {
    password_hash: value,
    password_hash_format: 'salted-digest',
    password_hash_parameters: {
      algorithm,
      encoding: objectIn(custom, 'hash')['encoding'],
      ...(textIn(salt, 'value') ? { salt: salt['value'], salt_encoding: salt['encoding'] ?? 'utf8' } : {}),
      template: salt['position'] === 'suffix' ? '{password}{salt}' : '{salt}{password}',
    },
  };
}

function hmacOf(hash: Members, value: string): Members {
  const key = objectIn(hash, 'key');
  return {
    password_hash: value,
    password_hash_format: 'hmac',
    password_hash_parameters: {
      algorithm: hash['digest'],
      encoding: hash['encoding'],
      key: key['value'],
      key_encoding: key['encoding'] ?? 'utf8',
    },
  };
}

/** Its parameters are separate members; PHC has them in the text. */
function scryptOf(custom: Members, value: string): string {
  const hash = objectIn(custom, 'hash');
  const salt = objectIn(custom, 'salt');
  const bytes = Buffer.from(value, hash['encoding'] === 'hex' ? 'hex' : 'base64');
  const salted = Buffer.from(textIn(salt, 'value') ?? '', encodingOf(salt['encoding']));
  const ln = Math.log2(Number(custom['cost'] ?? 16_384));
  const unpadded = (data: Buffer) => data.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=${ln},r=${Number(custom['blockSize'] ?? 8)},p=${Number(custom['parallelization'] ?? 1)}$${unpadded(salted)}$${unpadded(bytes)}`;
}

const encodingOf = (encoding: unknown): BufferEncoding =>
  encoding === 'hex' || encoding === 'base64' ? encoding : 'utf8';
