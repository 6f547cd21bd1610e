import type { Mapping } from '../files/numbered.ts';
import { booleanOf, instantOf, isObject, jsonIn, type Members, objectIn, objectsIn, textIn } from './members.ts';

/** Types of credentials that make codes, of newer and older versions. */
const APPS = ['otp', 'totp', 'hotp'];
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The names here of the roles and groups of a user; the import of a whole realm knows them. */
export type AccessNames = (user: Members) => { roles: string[]; groups: string[] };

/** The attributes that the mappers of Keycloak's client scopes `profile` and `phone` read, and their claims. */
const CLAIMS: Readonly<Record<string, string>> = {
  middleName: 'middle_name',
  nickname: 'nickname',
  profile: 'profile',
  picture: 'picture',
  website: 'website',
  gender: 'gender',
  birthdate: 'birthdate',
  zoneinfo: 'zoneinfo',
  locale: 'locale',
  phoneNumber: 'phone_number',
  phoneNumberVerified: 'phone_number_verified',
};
/** Those that the mapper of the client scope `address` reads. */
const ADDRESS: Readonly<Record<string, string>> = {
  street: 'street_address',
  locality: 'locality',
  region: 'region',
  postal_code: 'postal_code',
  country: 'country',
  formatted: 'formatted',
};

/** Required actions that are done here for all users who need it, by a policy, and not for one. */
const BY_POLICY: Readonly<Record<string, string>> = {
  CONFIGURE_TOTP: 'mfa.enforcement says who must have a second factor',
  CONFIGURE_RECOVERY_AUTHN_CODES: 'users get recovery codes with their second factor',
  UPDATE_PROFILE: 'a sign-in asks for fields that the settings require',
  VERIFY_PROFILE: 'a sign-in asks for fields that the settings require',
  TERMS_AND_CONDITIONS: 'registration.termsVersion says what users accept at their next sign-in',
  'WEBAUTHN-REGISTER': 'mfa.enforcement says who must have a second factor',
  'WEBAUTHN-REGISTER-PASSWORDLESS': 'users add passkeys on their account page',
};

/** A user of a realm export (`kc.sh export --users realm_file` or `different_files`), of any version. */
export function keycloakMapping(accessOf?: AccessNames): Mapping {
  return (user) => {
    if (!isObject(user)) return { record: user };
    const record = { ...recordOf(user), ...accessOf?.(user) };
    const client = textIn(user, 'serviceAccountClientId');
    if (client !== undefined) return { record, service: client, skipped: `is the account of the client ${client}` };
    const demanded = demandsOf(user);
    const password = passwordOf(user);
    const totp = totpOf(user);
    return {
      record: { ...record, ...password.record, ...totp.record, ...demanded.record },
      warnings: [...demanded.warnings, ...password.warnings, ...totp.warnings, ...otherCredentials(user)],
    };
  };
}

function recordOf(user: Members): Members {
  const attributes = Object.fromEntries(
    Object.entries(objectIn(user, 'attributes')).map(([name, value]) => [
      name,
      Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value,
    ]),
  );
  const properties = Object.entries(attributes).filter(([name]) => !(name in CLAIMS || name in ADDRESS));
  const names = [textIn(user, 'firstName'), textIn(user, 'lastName')];
  const claims = renamed(attributes, CLAIMS);
  return {
    legacy_id: textIn(user, 'id'),
    email: user['email'],
    email_verified: user['emailVerified'],
    given_name: names[0],
    family_name: names[1],
    name: names.filter(Boolean).join(' '),
    preferred_username: user['username'] === user['email'] ? undefined : user['username'],
    ...claims,
    phone_number_verified: booleanOf(claims['phone_number_verified']),
    address: renamed(attributes, ADDRESS),
    properties: Object.fromEntries(properties),
    status: user['enabled'] === false ? 'disabled' : 'active',
    created_at: instantOf(user['createdTimestamp']),
    identities: [
      ...(textIn(user, 'id') ? [{ connection: 'keycloak', subject: user['id'] }] : []),
      ...objectsIn(user, 'federatedIdentities').map((identity) => ({
        connection: identity['identityProvider'],
        subject: identity['userId'],
      })),
    ],
  };
}

/** Of several values the mappers take the first. */
const renamed = (attributes: Members, names: Readonly<Record<string, string>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(names).flatMap(([attribute, claim]) => {
      const value = attributes[attribute];
      const first: unknown = Array.isArray(value) ? value[0] : value;
      return first === undefined || first === null || first === '' ? [] : [[claim, first]];
    }),
  );

type Part = { record: Members; warnings: string[] };

/** Aliases are in capital letters or not, with the version. */
function demandsOf(user: Members): Part {
  const given = Array.isArray(user['requiredActions']) ? user['requiredActions'] : [];
  const actions = given.filter((action) => typeof action === 'string');
  const record: Record<string, unknown> = {};
  const warnings: string[] = [];
  for (const action of actions) {
    const alias = action.toUpperCase();
    if (alias === 'UPDATE_PASSWORD') record['password_update_required'] = true;
    else if (alias === 'VERIFY_EMAIL') record['email_verified'] = false;
    else
      warnings.push(`requiredActions: ${action} is left out: ${BY_POLICY[alias] ?? 'nothing here corresponds to it'}`);
  }
  return { record, warnings };
}

/** The parts of the hash, without its label and its dates; or the password of a file that was written by hand. */
function passwordOf(user: Members): Part {
  const credential = objectsIn(user, 'credentials').find(({ type }) => type === 'password');
  if (!credential) {
    const isElsewhere = textIn(user, 'federationLink') !== undefined;
    return { record: {}, warnings: isElsewhere ? ['password: left out: it is in a directory, not in the file'] : [] };
  }
  const demand = credential['temporary'] === true ? { password_update_required: true } : {};
  if (textIn(credential, 'value') !== undefined && !('hashedSaltedValue' in credential))
    return { record: { password: credential['value'], ...demand }, warnings: [] };
  return { record: { password_hash: hashOf(credential), password_hash_format: 'keycloak', ...demand }, warnings: [] };
}

function hashOf(credential: Members): Members {
  if (textIn(credential, 'secretData') ?? isObject(credential['secretData']))
    return { credentialData: credential['credentialData'], secretData: credential['secretData'] };
  // Before version 8 the members stood side by side.
  const { algorithm, hashIterations, salt, hashedSaltedValue, config } = credential;
  return { algorithm, hashIterations, salt, value: hashedSaltedValue, additionalParameters: config };
}

/** Keycloak takes the letters of its secret for the key, where others decode them. */
function totpOf(user: Members): Part {
  const all = objectsIn(user, 'credentials').filter(({ type }) => APPS.includes(String(type)));
  const apps = all.map((credential) => {
    const data = 'secretData' in credential ? jsonIn(credential, 'credentialData') : credential;
    const value = textIn(jsonIn(credential, 'secretData'), 'value') ?? oldSecretOf(credential);
    return { value, data, isCounter: data['subType'] === 'hotp' || credential['type'] === 'hotp' };
  });
  const app = apps.find(({ value, isCounter }) => value !== undefined && !isCounter);
  const warnings = apps
    .filter((other) => other !== app)
    .map(({ value, isCounter }) => {
      if (isCounter) return 'credentials: an authenticator that counts (HOTP) is left out: codes here follow the time';
      return value === undefined
        ? 'credentials: an authenticator app without its secret is left out'
        : 'credentials: a further authenticator app is left out: a user has one here';
    });
  if (app?.value === undefined) return { record: {}, warnings };
  return {
    record: {
      totp_secret: app.data['secretEncoding'] === 'BASE32' ? app.value : base32(Buffer.from(app.value)),
      totp_algorithm: textIn(app.data, 'algorithm')?.replace(/^Hmac/i, ''),
      totp_digits: app.data['digits'],
      totp_period: app.data['period'],
    },
    warnings,
  };
}

const oldSecretOf = (credential: Members): string | undefined =>
  'secretData' in credential ? undefined : (textIn(credential, 'hashedSaltedValue') ?? textIn(credential, 'value'));

const TAKEN = new Set(['password', ...APPS, 'password-history']);

function otherCredentials(user: Members): string[] {
  const types = objectsIn(user, 'credentials').map(({ type }) => String(type));
  return [...new Set(types)]
    .filter((type) => !TAKEN.has(type))
    .map((type) => `credentials: ${type} is left out: the user adds it again on the account page`);
}

/** RFC 4648 §6, without padding. */
function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}
