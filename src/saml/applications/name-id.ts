import { randomBytes } from 'node:crypto';

/**
 * persistent  an identifier for this application alone (SAML Core §8.3.7)
 * email       the verified email address
 * username    the username
 * transient   another one with each sign-in (§8.3.8)
 */
export const nameIdFormats = ['persistent', 'email', 'username', 'transient'] as const;
export type NameIdFormat = (typeof nameIdFormats)[number];

const uris: Readonly<Record<NameIdFormat, string>> = {
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  email: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  username: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
  transient: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
};
const UNSPECIFIED = uris.username;

export type NameId = {
  value: string;
  format: string;
  /** SAML Core §8.3.7: who made the identifier, and for which application. */
  nameQualifier: string | null;
  spNameQualifier: string | null;
};

/**
 * The format for a request: what the operator chose, or one that the request asks for and that tells less. Null for one that would tell
 * more than the operator allowed, and for an unknown one.
 */
export function formatFor(chosen: NameIdFormat, asked: string | null): NameIdFormat | null {
  if (asked === null || asked === UNSPECIFIED || asked === uris[chosen]) return chosen;
  return (['persistent', 'transient'] as const).find((format) => uris[format] === asked) ?? null;
}

/** The names that a user has; `persistent` is the one for this application. */
export type Names = { persistent: string; username: string | null; verifiedEmail: string | null };
type Parties = { ours: string; theirs: string };

/** Null where the user has no such name. */
export function nameIdOf(format: NameIdFormat, names: Names, { ours, theirs }: Parties): NameId | null {
  const plain = (value: string | null): NameId | null =>
    value === null ? null : { value, format: uris[format], nameQualifier: null, spNameQualifier: null };
  const qualified = { format: uris[format], nameQualifier: ours, spNameQualifier: theirs };
  switch (format) {
    case 'email':
      return plain(names.verifiedEmail);
    case 'username':
      return plain(names.username);
    case 'transient':
      return { value: newOpaqueName(), ...qualified };
    case 'persistent':
      return { value: names.persistent, ...qualified };
  }
}

/** 128 random bits; SAML Core §1.3.4 wants an identifier to begin with a letter or an underscore. */
export const newOpaqueName = (): string => `_${randomBytes(16).toString('hex')}`;

/** The URIs of the formats that metadata lists, the chosen one first. */
export const formatUris = (chosen: NameIdFormat): readonly string[] => [
  ...new Set([uris[chosen], uris.persistent, uris.transient]),
];

/** The scope that a format needs. */
export const scopeOfFormat = (format: NameIdFormat): 'email' | 'profile' | null =>
  format === 'email' ? 'email' : format === 'username' ? 'profile' : null;
