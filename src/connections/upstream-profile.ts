import type { OrganizationId } from '#directory/organizations/module.ts';
import type { UpstreamTokenSet } from '#directory/identities/module.ts';
import { newCanonicalEmail } from '#directory/users/email.ts';
import type { ProvidedValue } from '#directory/users/module.ts';
import { headerText } from '#kernel/mail/address.ts';
import { isGeneric } from './connection-rules.ts';
import { authnContexts } from '#saml/messages/module.ts';
import type { Connection, ConnectionId, ConnectionSettings } from './connection.ts';
import { LONGEST_IDENTIFIER, LONGEST_NAME, MOST_GROUPS, MOST_METHODS } from './limits.ts';
import { type MembershipRules, membershipRulesOf } from './membership-rules.ts';
import type { Claims, Provider, ProviderName } from './providers/provider.ts';

/** A user as a provider describes one, checked and limited. The texts are still texts of a stranger. */
export type UpstreamProfile = {
  connection: {
    id: ConnectionId;
    slug: string;
    name: string;
    provider: ProviderName;
    organizationId: OrganizationId | null;
    /** A user who is new here gets an account. */
    mayCreateUsers: boolean;
    /** An account is found by a trusted email address. */
    mayLinkByEmail: boolean;
    /** `acr` and `amr` count as proof of a second factor. */
    trustsFactors: boolean;
    membership: MembershipRules;
    /** Custom properties follow the provider after the first sign-in. */
    updatesProperties: boolean;
  };
  issuer: string;
  /** Exactly as the provider writes it. */
  subject: string;
  /**
   * In its canonical form. Trusted: the provider verified it, vouches for it, and the connection believes that.
   * Asserted: by a provider of the connection's owner alone, which does not call it unverified.
   */
  email: { address: string; isTrusted: boolean; isAsserted: boolean } | null;
  name: string | null;
  givenName: string | null;
  familyName: string | null;
  preferredUsername: string | null;
  locale: string | null;
  /** When the user authenticated there, where the provider says so. */
  authenticatedAt: Date | null;
  acr: string | null;
  amr: readonly string[];
  /** The provider's names of groups and roles of the user. Here they mean nothing, unless a mapping says so. */
  groups: readonly string[];
  roles: readonly string[];
  /** The session there (`sid`), which a logout notice would name. */
  sessionId: string | null;
  /** The text with which the user signs out there. */
  signOutHint: string | null;
  /** Null where the connection keeps none. */
  tokens: UpstreamTokenSet | null;
  /** Values for custom properties. */
  properties: Readonly<Record<string, ProvidedValue>>;
};

/** The answer of a provider about a user. */
export type Told = {
  issuer: string;
  claims: Claims;
  /** The text that a sign-out there needs: an ID token, or the NameID of SAML. */
  signOutHint: string | null;
  /** Null for a protocol without tokens. */
  tokens: UpstreamTokenSet | null;
  properties: Readonly<Record<string, ProvidedValue>>;
  /** As the provider wrote it, for the test of a connection. */
  seen: readonly { name: string; values: readonly string[] }[];
};

/** Null without a usable subject: then nothing says who the user is. */
export function profileOf(
  connection: Connection,
  { vouchesForEmail }: Pick<Provider, 'vouchesForEmail'>,
  { issuer, claims, signOutHint, tokens, properties }: Omit<Told, 'seen'>,
): UpstreamProfile | null {
  const subject = identifier(claims.sub);
  if (subject === null) return null;
  const address = typeof claims.email === 'string' ? newCanonicalEmail(claims.email) : null;
  const isTrusted = connection.trustsEmail && claims.email_verified === true && vouchesForEmail(claims);
  const { id, slug, name, provider, organizationId = null } = connection;
  return {
    connection: {
      id,
      slug,
      name,
      provider,
      organizationId,
      mayCreateUsers: connection.createsUsers,
      mayLinkByEmail: connection.linksByEmail,
      trustsFactors: connection.trustsFactors,
      membership: membershipRulesOf(connection.settings),
      updatesProperties: connection.settings.updatesProperties ?? false,
    },
    issuer,
    subject,
    email: address === null ? null : { address, isTrusted, isAsserted: isOwnProvider(connection) && !isDenied(claims) },
    name: plainText(claims.name),
    givenName: plainText(claims.given_name),
    familyName: plainText(claims.family_name),
    preferredUsername: plainText(claims.preferred_username),
    locale: localeOf(claims.locale),
    authenticatedAt: instantOf(claims.auth_time),
    acr: identifier(claims.acr),
    amr: methodsOf(claims, connection.settings),
    groups: identifiers(claims.groups, MOST_GROUPS),
    roles: identifiers(claims.roles, MOST_GROUPS),
    sessionId: identifier(claims.sid),
    signOutHint,
    tokens: connection.storesTokens ? tokens : null,
    properties,
  };
}

/** RFC 8176. A provider that says two factors by the context alone says `mfa` too. */
function methodsOf({ acr, amr }: Claims, { mfaContexts = [authnContexts.multiFactor] }: ConnectionSettings): string[] {
  const methods = Array.isArray(amr) ? identifiers(amr, MOST_METHODS) : [];
  const isTwo = typeof acr === 'string' && mfaContexts.includes(acr);
  return [...new Set([...methods, ...(isTwo ? ['mfa'] : [])])];
}

/** Compared byte by byte, so nothing is trimmed or converted: what could be shown as another one is none. */
function identifier(value: unknown): string | null {
  if (typeof value !== 'string' || value === '' || value.length > LONGEST_IDENTIFIER) return null;
  return value.trim() === value && !/\p{C}/u.test(value) ? value : null;
}

/** A single text is a list of one, as several providers send it. */
const identifiers = (value: unknown, most: number): readonly string[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value])
    .slice(0, most)
    .filter((each): each is string => identifier(each) !== null);

/** Whether the owner of the connection alone has users at the provider. The servers of known providers have users of everyone. */
const isOwnProvider = ({ provider, settings }: Connection): boolean =>
  isGeneric(provider) || settings.issuer !== undefined;

/** A provider need not say anything; one that says anything but a plain yes says no. */
const isDenied = ({ email_verified: verified }: Claims): boolean => verified !== undefined && verified !== true;

/** One line without control characters, as long as a name may be. */
function plainText(value: unknown): string | null {
  // Cut ahead of the work on it, which would take its time with a megabyte.
  const text = typeof value === 'string' ? headerText(value.slice(0, 8 * LONGEST_NAME), LONGEST_NAME) : '';
  return text === '' ? null : text;
}

/** RFC 5646, also with an underscore, as some providers write it. */
function localeOf(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 35) return null;
  try {
    return Intl.getCanonicalLocales(value.replaceAll('_', '-'))[0] ?? null;
  } catch {
    return null;
  }
}

/** The largest time of ECMAScript, in seconds. */
const LATEST = 8.64e12;
const instantOf = (value: unknown): Date | null =>
  typeof value === 'number' && value > 0 && value < LATEST ? new Date(value * 1000) : null;
