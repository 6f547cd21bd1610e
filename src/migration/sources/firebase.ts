import type { Mapped } from '../files/numbered.ts';
import { booleanOf, instantOf, isObject, jsonIn, type Members, objectsIn, textIn } from './members.ts';

/** The issuer of each provider's subjects (OpenID Connect Core §2). */
const issuers: Readonly<Record<string, string>> = {
  'google.com': 'https://accounts.google.com',
  'apple.com': 'https://appleid.apple.com',
};

/** The columns of an export as CSV, which has no line of names; a provider takes four from its own on. */
const COLUMNS = ['localId', 'email', 'emailVerified', 'passwordHash', 'salt', 'displayName', 'photoUrl'];
const LATER_COLUMNS = ['createdAt', 'lastSignedInAt', 'phoneNumber', 'disabled', 'customAttributes'];
const PROVIDERS = { 'google.com': 7, 'facebook.com': 11, 'twitter.com': 15, 'github.com': 19 };

/** A user of `firebase auth:export`, as JSON or as CSV. The project's parameters (signer key and others) are in a separate file. */
export function fromFirebase(given: unknown): Mapped {
  const user = Array.isArray(given) ? fromColumns(given) : given;
  if (!isObject(user)) return { record: user };
  const hash = textIn(user, 'passwordHash');
  const id = textIn(user, 'localId');
  const providers = objectsIn(user, 'providerUserInfo');
  const record = {
    legacy_id: id,
    email: user['email'],
    email_verified: booleanOf(user['emailVerified']),
    phone_number: user['phoneNumber'],
    name: user['displayName'],
    picture: user['photoUrl'],
    properties: jsonIn(user, 'customAttributes'),
    status: booleanOf(user['disabled']) === true ? 'disabled' : 'active',
    created_at: instantOf(user['createdAt']),
    ...(hash === undefined
      ? {}
      : {
          password_hash: hash,
          password_hash_format: 'firebase-scrypt',
          password_hash_parameters: { salt: textIn(user, 'salt') ?? '' },
        }),
    identities: [
      ...(id === undefined ? [] : [{ connection: 'firebase', subject: id }]),
      ...providers.filter(isElsewhere).map(identityOf),
    ],
  };
  const isNameless = [user['email'], user['phoneNumber'], hash].every((value) => !value) && providers.length === 0;
  if (isNameless && id !== undefined) return { record, skipped: 'is an anonymous account' };
  return { record, warnings: [...factorsOf(user), ...attributesOf(user)] };
}

function factorsOf(user: Members): string[] {
  const kinds = objectsIn(user, 'mfaInfo').map((factor) => ('totpInfo' in factor ? 'authenticator app' : 'phone'));
  return [...new Set(kinds)].map((kind) => `mfaInfo: ${kind} is left out: the export has no secret of it`);
}

function attributesOf(user: Members): string[] {
  const text = textIn(user, 'customAttributes');
  const isRead =
    text === undefined || Object.keys(jsonIn(user, 'customAttributes')).length > 0 || /^\s*\{\s*\}/.test(text);
  return isRead ? [] : ['properties: left out: customAttributes is no JSON object'];
}

function fromColumns(columns: readonly unknown[]): Members {
  const from = (names: readonly string[], first: number) =>
    Object.fromEntries(names.map((name, at) => [name, columns[first + at]]));
  const providerUserInfo = Object.entries(PROVIDERS)
    .filter(([, first]) => columns[first])
    .map(([providerId, first]) => ({ providerId, rawId: columns[first] }));
  return { ...from(COLUMNS, 0), providerUserInfo, ...from(LATER_COLUMNS, PROVIDERS['github.com'] + 4) };
}

/** A password and a phone are not identities of another provider. */
const isElsewhere = (provider: Members): boolean =>
  !['password', 'phone'].includes(String(provider['providerId'])) && textIn(provider, 'rawId') !== undefined;

const identityOf = (provider: Members): Members => ({
  connection: provider['providerId'],
  issuer: issuers[String(provider['providerId'])],
  subject: provider['rawId'],
});
