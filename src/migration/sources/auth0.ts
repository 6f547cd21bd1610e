import { isObject, type Members, objectIn, objectsIn, textIn } from './members.ts';

const CLAIMS = ['given_name', 'family_name', 'middle_name', 'name', 'nickname', 'picture', 'phone_number'] as const;

/** A line of an export of Auth0, of the hashes that its support sends, or of its own import format (`custom_password_hash`). */
export function fromAuth0(user: unknown): unknown {
  if (!isObject(user)) return user;
  const appMetadata = objectIn(user, 'app_metadata');
  const [totp] = objectsIn(user, 'mfa_factors').map((factor) => objectIn(factor, 'totp'));
  const oid = textIn(objectIn(user, '_id'), '$oid');
  // The file of hashes has the id without the name of the connection before it.
  const id = textIn(user, 'user_id') ?? (oid === undefined ? undefined : `auth0|${oid}`);
  return {
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
    created_at: textIn(user, 'created_at'),
    ...passwordOf(user),
    ...(totp && textIn(totp, 'secret') ? { totp_secret: totp['secret'] } : {}),
    identities: [
      ...(id ? [{ connection: 'auth0', subject: id }] : []),
      ...objectsIn(user, 'identities')
        .filter((identity) => identity['isSocial'] === true)
        .map((identity) => ({ connection: identity['provider'], subject: String(identity['user_id']) })),
    ],
  };
}

function passwordOf(user: Members): Members {
  const bcrypt = textIn(user, 'passwordHash') ?? textIn(user, 'password_hash');
  if (bcrypt !== undefined) return { password_hash: bcrypt };
  const custom = objectIn(user, 'custom_password_hash');
  const algorithm = textIn(custom, 'algorithm');
  if (algorithm === undefined) return {};
  const hash = objectIn(custom, 'hash');
  const value = textIn(hash, 'value');
  // These say themselves what they are.
  if (['argon2', 'bcrypt', 'ldap', 'pbkdf2'].includes(algorithm)) return { password_hash: value };
  if (algorithm === 'scrypt') return { password_hash: scryptOf(custom, value), password_hash_format: 'scrypt' };
  const salt = objectIn(custom, 'salt');
  return {
    password_hash: value,
    password_hash_format: 'salted-digest',
    password_hash_parameters: {
      algorithm,
      encoding: hash['encoding'],
      ...(textIn(salt, 'value') ? { salt: salt['value'], salt_encoding: salt['encoding'] ?? 'utf8' } : {}),
      template: salt['position'] === 'suffix' ? '{password}{salt}' : '{salt}{password}',
    },
  };
}

/** Its parameters are separate members; PHC has them in the text. */
function scryptOf(custom: Members, value: string | undefined): string {
  const hash = objectIn(custom, 'hash');
  const salt = objectIn(custom, 'salt');
  const bytes = Buffer.from(value ?? '', hash['encoding'] === 'hex' ? 'hex' : 'base64');
  const salted = Buffer.from(textIn(salt, 'value') ?? '', encodingOf(salt['encoding']));
  const ln = Math.log2(Number(custom['cost'] ?? 16_384));
  const unpadded = (data: Buffer) => data.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=${ln},r=${Number(custom['blockSize'] ?? 8)},p=${Number(custom['parallelization'] ?? 1)}$${unpadded(salted)}$${unpadded(bytes)}`;
}

const encodingOf = (encoding: unknown): BufferEncoding =>
  encoding === 'hex' || encoding === 'base64' ? encoding : 'utf8';
