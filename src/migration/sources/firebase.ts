import { isObject, instantOf, jsonIn, type Members, objectsIn, textIn } from './members.ts';

/** The issuer of each provider's subjects (OpenID Connect Core §2). */
const issuers: Readonly<Record<string, string>> = {
  'google.com': 'https://accounts.google.com',
  'apple.com': 'https://appleid.apple.com',
};

/** A user of `firebase auth:export users.json`. The project's parameters (signer key and others) are in a separate file. */
export function fromFirebase(user: unknown): unknown {
  if (!isObject(user)) return user;
  const hash = textIn(user, 'passwordHash');
  return {
    legacy_id: textIn(user, 'localId'),
    email: user['email'],
    email_verified: user['emailVerified'],
    phone_number: user['phoneNumber'],
    name: user['displayName'],
    picture: user['photoUrl'],
    properties: jsonIn(user, 'customAttributes'),
    status: user['disabled'] === true ? 'disabled' : 'active',
    created_at: instantOf(user['createdAt']),
    ...(hash === undefined
      ? {}
      : {
          password_hash: hash,
          password_hash_format: 'firebase-scrypt',
          password_hash_parameters: { salt: textIn(user, 'salt') ?? '' },
        }),
    identities: [
      ...(textIn(user, 'localId') ? [{ connection: 'firebase', subject: user['localId'] }] : []),
      ...objectsIn(user, 'providerUserInfo').filter(isElsewhere).map(identityOf),
    ],
  };
}

/** A password and a phone are not identities of another provider. */
const isElsewhere = (provider: Members): boolean =>
  !['password', 'phone'].includes(String(provider['providerId'])) && textIn(provider, 'rawId') !== undefined;

const identityOf = (provider: Members): Members => ({
  connection: provider['providerId'],
  issuer: issuers[String(provider['providerId'])],
  subject: provider['rawId'],
});
