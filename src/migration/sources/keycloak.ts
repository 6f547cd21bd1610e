import { isObject, instantOf, jsonIn, type Members, objectIn, objectsIn, textIn } from './members.ts';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A user of a realm export (`kc.sh export --users realm_file` or `different_files`). */
export function fromKeycloak(user: unknown): unknown {
  if (!isObject(user)) return user;
  const credentials = objectsIn(user, 'credentials');
  const password = credentials.find((credential) => credential['type'] === 'password');
  const otp = credentials.find((credential) => credential['type'] === 'otp' || credential['type'] === 'totp');
  const { locale, ...attributes } = Object.fromEntries(
    Object.entries(objectIn(user, 'attributes')).map(([name, value]) => [
      name,
      Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value,
    ]),
  );
  const names = [textIn(user, 'firstName'), textIn(user, 'lastName')];
  return {
    legacy_id: textIn(user, 'id'),
    email: user['email'],
    email_verified: user['emailVerified'],
    given_name: names[0],
    family_name: names[1],
    name: names.filter(Boolean).join(' '),
    preferred_username: user['username'] === user['email'] ? undefined : user['username'],
    locale,
    properties: attributes,
    status: user['enabled'] === false ? 'disabled' : 'active',
    created_at: instantOf(user['createdTimestamp']),
    ...(password ? { password_hash: passwordOf(password), password_hash_format: 'keycloak' } : {}),
    ...(otp ? totpOf(otp) : {}),
    identities: [
      ...(textIn(user, 'id') ? [{ connection: 'keycloak', subject: user['id'] }] : []),
      ...objectsIn(user, 'federatedIdentities').map((identity) => ({
        connection: identity['identityProvider'],
        subject: identity['userId'],
      })),
    ],
  };
}

/** The parts of the hash, without its label and its dates. */
function passwordOf(credential: Members): Members {
  if ('secretData' in credential)
    return { credentialData: credential['credentialData'], secretData: credential['secretData'] };
  // Before version 8 the members stood side by side.
  const { algorithm, hashIterations, salt, hashedSaltedValue } = credential;
  return { algorithm, hashIterations, salt, value: hashedSaltedValue };
}

/** Keycloak takes the letters of its secret for the key, where others decode them. */
function totpOf(credential: Members): Members {
  const data = jsonIn(credential, 'credentialData');
  const value = textIn(jsonIn(credential, 'secretData'), 'value');
  if (value === undefined || data['subType'] === 'hotp') return {};
  return {
    totp_secret: data['secretEncoding'] === 'BASE32' ? value : base32(Buffer.from(value)),
    totp_algorithm: textIn(data, 'algorithm')?.replace(/^Hmac/i, ''),
    totp_digits: data['digits'],
    totp_period: data['period'],
  };
}

/** RFC 4648 §6, without padding. */
function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}
