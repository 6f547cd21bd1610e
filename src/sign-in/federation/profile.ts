import type { UpstreamTokenSet } from '#directory/identities/module.ts';
import type { Id } from '#kernel/ids.ts';
import type { OfferedProvider, Upstream } from '#sign-in/interaction/module.ts';
import { profileSchema, type ProvidedValue, type UserId } from '#directory/users/module.ts';

/** How users of the connection become members of its organization. */
type MembershipRules = {
  defaultRoles: readonly string[];
  groupRoles: ReadonlyMap<string, readonly string[]>;
  followsProvider: boolean;
};

/** The part of what an upstream provider says about a user that a sign-in needs. */
export type UpstreamProfile = {
  connection: OfferedProvider & {
    organizationId: Id<'org'> | null;
    mayCreateUsers: boolean;
    mayLinkByEmail: boolean;
    trustsFactors: boolean;
    id: string;
    membership: MembershipRules;
    updatesProperties: boolean;
  };
  issuer: string;
  subject: string;
  email: { address: string; isTrusted: boolean; isAsserted: boolean } | null;
  name: string | null;
  givenName: string | null;
  familyName: string | null;
  preferredUsername: string | null;
  /** When the user authenticated there; null where the provider does not say it. */
  authenticatedAt: Date | null;
  amr: readonly string[];
  groups: readonly string[];
  roles: readonly string[];
  /** The name of the session there, which a notice of its end contains; null where the provider gives none. */
  sessionId: string | null;
  /** The text with which the user signs out there; null where that is not possible. */
  signOutHint: string | null;
  /** Null where the connection keeps none. */
  tokens: UpstreamTokenSet | null;
  properties: Readonly<Record<string, ProvidedValue>>;
};

/** How its owner knows the identity. */
export const nameOf = ({ email, preferredUsername, name }: UpstreamProfile): string | null =>
  email?.address ?? preferredUsername ?? name;

/** The identity: its address and its names may change. */
export const identityOf = ({ connection: { slug }, issuer, subject }: UpstreamProfile) => ({
  connection: slug,
  issuer,
  subject,
});

/** RFC 8176: `fed`, and `mfa` where the provider asked for two factors and its connection lets that count. */
export const amrOf = ({ connection: { trustsFactors }, amr }: UpstreamProfile): readonly string[] =>
  trustsFactors && amr.includes('mfa') ? ['fed', 'mfa'] : ['fed'];

/** The claims of a new account: those that an account may have. */
export function claimsOf({ name, givenName, familyName }: UpstreamProfile): Upstream['profile'] {
  const given = { name, given_name: givenName, family_name: familyName };
  return Object.fromEntries(
    Object.entries(given).filter(([claim, value]) => profileSchema.safeParse({ [claim]: value }).success),
  );
}

/** The membership that a connection of an organization asserts; null for one of the instance. */
export function membershipOf({ connection, groups, roles }: UpstreamProfile): Upstream['membership'] {
  const { id: giver, organizationId, mayCreateUsers, membership } = connection;
  if (organizationId === null) return null;
  const { defaultRoles, groupRoles, followsProvider } = membership;
  const mapped = new Set([...groups, ...roles].flatMap((group) => groupRoles.get(group) ?? []));
  return { organizationId, giver, mayJoin: mayCreateUsers, defaultRoles, mappedRoles: [...mapped], followsProvider };
}

/** The identity, while it waits for its account. */
export function waitingFor(profile: UpstreamProfile, userId: UserId | null): Upstream {
  const { slug, name, provider } = profile.connection;
  return {
    connection: { slug, name, provider },
    issuer: profile.issuer,
    subject: profile.subject,
    name: nameOf(profile),
    email: profile.email?.address ?? null,
    profile: claimsOf(profile),
    membership: membershipOf(profile),
    properties: { values: profile.properties, follows: profile.connection.updatesProperties },
    userId,
  };
}
