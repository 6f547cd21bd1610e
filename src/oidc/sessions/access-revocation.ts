/** Sessions, with the grants (authorization codes, access tokens, refresh tokens) that end with them. */
type SessionsAndGrants =
  | { sessions: 'all'; grants: 'all' }
  | { sessions: 'all but the current one'; grants: 'all outside the current session' }
  /** Without those that were asked for with `offline_access`. */
  | { sessions: 'the one named'; grants: 'all of the session' }
  | { sessions?: never; grants: 'all of the client' | 'the grant of the token' }
  | { sessions?: never; grants?: never };

/** Mailed links and codes. Proofs are all but those that take power away from an intruder. */
export type Links = 'all' | 'proofs' | 'second-factor codes';

/** The items that an act ends; missing items stay. */
export type Ending = SessionsAndGrants & {
  /** Sign-ins that have proved something and are not finished, or whose last redirect the browser still holds. */
  signIns?: 'all' | 'all but the current one';
  links?: Links;
  trustedBrowsers?: 'all';
  /** Browsers in which the user signed in before, whose wrong tries are counted apart. */
  knownBrowsers?: 'all';
  /** Questions to authenticators that wait for an answer, of adding a passkey too. */
  passkeyChallenges?: 'all';
  /** Deletes the records of sessions, grants and tokens, too. */
  records?: 'deleted';
};

const everywhere = { sessions: 'all', grants: 'all', signIns: 'all', passkeyChallenges: 'all' } as const;
const everywhereElse = {
  sessions: 'all but the current one',
  grants: 'all outside the current session',
} as const;
/** Nothing that the user holds stays good. */
const everything = { ...everywhere, links: 'all', trustedBrowsers: 'all', knownBrowsers: 'all' } as const;
/** Another user may know what the user proves themselves with, and may have signed in in any browser. */
const intruderOut = { ...everywhere, links: 'proofs', trustedBrowsers: 'all', knownBrowsers: 'all' } as const;

/** The table: an act, and what it ends. docs/sessions.md shows it, test/attacks/sessions/endings.test.ts performs each act. */
export const endings = {
  'user disabled': everything,
  'account closed': everywhere,
  'account erased': { ...everything, records: 'deleted' },
  'password changed on the account page': {
    ...everywhereElse,
    signIns: 'all',
    links: 'proofs',
    trustedBrowsers: 'all',
    passkeyChallenges: 'all',
  },
  'password reset by mail': { ...everywhere, links: 'proofs', trustedBrowsers: 'all' },
  'temporary password set by an operator': { ...everywhere, links: 'proofs', trustedBrowsers: 'all' },
  'password set in a sign-in': {
    ...everywhereElse,
    signIns: 'all but the current one',
    links: 'proofs',
    trustedBrowsers: 'all',
    passkeyChallenges: 'all',
  },
  'account locked on the account page': intruderOut,
  'account locked by the link in a mail': intruderOut,
  'second factors removed by an operator': {
    ...everywhere,
    links: 'second-factor codes',
    trustedBrowsers: 'all',
  },
  'passkey or authenticator app added': { trustedBrowsers: 'all' },
  'passkey or authenticator app removed': { trustedBrowsers: 'all' },
  'passkey stopped as a possible copy': { trustedBrowsers: 'all' },
  // The holder of that account may have signed in in any browser.
  'linked account removed': { ...everywhereElse, signIns: 'all', passkeyChallenges: 'all' },
  'primary email address changed': { links: 'proofs' },
  'primary email address taken back': intruderOut,
  // Until now another user may have made the account and waited for the owner of the address.
  'primary email address proved for the first time': { ...everything, signIns: 'all but the current one' },
  'session ended': { sessions: 'the one named', grants: 'all of the session' },
  // Sign-ins under way rest on the session there, too.
  'signed out at the identity provider': {
    sessions: 'the one named',
    grants: 'all of the session',
    signIns: 'all',
  },
  'signed out everywhere else': { ...everywhereElse, signIns: 'all' },
  'signed out everywhere': everywhere,
  'consent withdrawn': { grants: 'all of the client' },
  'application without consent disconnected': { grants: 'all of the client' },
} as const satisfies Record<string, Ending>;

export type EndingAct = keyof typeof endings;

/** Ends that the engine performs by the rules of OAuth and OpenID Connect. */
export const engineEndings = {
  'signed out in one browser': { sessions: 'the one named', grants: 'all of the session' },
  'used code or refresh token used again': { grants: 'the grant of the token' },
  'refresh token revoked by its client': { grants: 'the grant of the token' },
} as const satisfies Record<string, Ending>;

/** The tokens that acts on organizations end. Sessions and tokens without an organization stay. */
type OrganizationEnding = { tokens: 'of the user' | 'of the client' | 'all'; until?: string };

/**
 * No act writes in tokens for this: each use of a token for an organization asks whether the organization is open to its user or
 * client (authority/verdict.ts), and every node learns of the change by a trigger.
 */
export const organizationEndings = {
  'member removed': { tokens: 'of the user' },
  'organization left': { tokens: 'of the user' },
  'client no longer allowed': { tokens: 'of the client' },
  'organization suspended': { tokens: 'all', until: 'it is active again' },
  'organization closed': { tokens: 'all', until: 'the closing is called off' },
  'organization erased': { tokens: 'all' },
} as const satisfies Record<string, OrganizationEnding>;
