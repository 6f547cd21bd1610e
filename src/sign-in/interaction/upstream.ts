import type { Id } from '#kernel/ids.ts';
import type { ProvidedValue, UserId } from '#directory/users/module.ts';

/** An upstream provider that users can sign in with here. */
export type OfferedProvider = Readonly<{ slug: string; name: string; provider: string }>;

/** The provider with which the session began whose user must prove again who they are. */
export type SessionProvider = OfferedProvider & {
  /** Whether it knows how to ask its user again: a browser is led there only then, else the user presses the button. */
  asksAgain: boolean;
};

/** The organization that owns the domain of an email address. It is the same for every address there, with and without an account. */
export type Realm = {
  organizationId: string;
  /** The connections by which users of the domain sign in: users are led to the only one, and choose among several. */
  providers: readonly OfferedProvider[];
  /** Whether no other way opens for an address of the domain. */
  isClosed: boolean;
  /** Whether a new account must come by one of the connections. */
  demandsConnection: boolean;
};

/** An organization takes the sign-ins of a user by these connections alone; slugs. */
export type ConnectionDemand = { organizationId: string; connections: readonly string[] };

/** A user turned back at an upstream provider, or it does not answer. */
export type TurnedBack = { kind: 'cancelled' | 'unreachable'; provider: string };

/** The buttons of a page that begin a sign-in at an upstream provider; without providers there are none. */
export type ProviderButtons = {
  /** The form of each button posts to `${action}/${slug}`. */
  action: string;
  providers: readonly OfferedProvider[];
  /** The slug of the one that this browser used last. */
  lastProvider: string | null;
};

/** For samples. */
export const noButtons: ProviderButtons = { action: '/interaction/4Tj2/federation', providers: [], lastProvider: null };
export const someButtons: ProviderButtons = {
  ...noButtons,
  providers: [
    { slug: 'google', name: 'Google', provider: 'google' },
    { slug: 'microsoft', name: 'Microsoft', provider: 'microsoft' },
    { slug: 'github', name: 'GitHub', provider: 'github' },
  ],
};
export const manyButtons: ProviderButtons = {
  ...noButtons,
  providers: [
    ...someButtons.providers,
    { slug: 'apple', name: 'Apple', provider: 'apple' },
    { slug: 'facebook', name: 'Facebook', provider: 'facebook' },
    { slug: 'x', name: 'X', provider: 'x' },
    { slug: 'linkedin', name: 'LinkedIn', provider: 'linkedin' },
    { slug: 'gitlab', name: 'GitLab', provider: 'gitlab' },
    { slug: 'discord', name: 'Discord', provider: 'discord' },
    { slug: 'slack', name: 'Slack', provider: 'slack' },
    { slug: 'fernway', name: 'Fernway', provider: 'oidc' },
    { slug: 'orchard', name: 'Orchard', provider: 'oauth2' },
  ],
  lastProvider: 'slack',
};

/**
 * The identity at an upstream provider with which this browser came back, and which no user has linked yet: it proves nothing here. It is
 * linked when the sign-in ends with the account that it waits for.
 */
export type Upstream = {
  connection: OfferedProvider;
  issuer: string;
  subject: string;
  /** The email address or the name of the user there. */
  name: string | null;
  /** An address to begin the form of a new account with: whether it is the user's, the form finds out. */
  email: string | null;
  profile: { name?: string; given_name?: string; family_name?: string };
  /** The membership that the connection of an organization asserts; null for one of the instance. */
  membership: {
    organizationId: Id<'org'>;
    /** The id of the connection. */
    giver: string;
    /** A user who is no member becomes one. */
    mayJoin: boolean;
    /** Roles of a user who becomes a member. */
    defaultRoles: readonly string[];
    /** Roles of the groups that the provider asserts now. */
    mappedRoles: readonly string[];
    /** Whether names and mapped roles follow the provider after the first sign-in. */
    followsProvider: boolean;
  } | null;
  /** Values for custom properties. A release before this one wrote none. */
  properties?: { values: Readonly<Record<string, ProvidedValue>>; follows: boolean };
  /** The account that it waits for; null: the one that is created in this sign-in. */
  userId: UserId | null;
};
