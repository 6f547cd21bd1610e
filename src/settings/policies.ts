import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { brandChoice } from '#kernel/brand/choice.ts';
import type { EntityManager } from '#kernel/database.ts';
import { nativeScheme } from '#kernel/native-schemes.ts';
import { accountPolicy } from './account-policy.ts';
import { apiPolicy } from './api-policy.ts';
import { networkPolicy } from './network-policy.ts';
import { organizationsPolicy } from './organizations-policy.ts';
import { profilePolicy } from './profile-policy.ts';
import { usersPolicy } from './users-policy.ts';
import { registrationPolicy } from './registration-policy.ts';

/** The subject of what is about no user, organization or client: keys, limits of an address, the name of the instance. */
export const instance = 'instance' as const;

/**
 * The subject of a policy: the instance, or at least one of these ids, as far as the caller knows them. `organization` is the one that a
 * sign-in is for; where none is named, `organizations` are those that count for the user.
 */
export type PolicySubject =
  | typeof instance
  | (({ user: string } | { organization: string } | { client: string }) & {
      user?: string | undefined;
      organization?: string | undefined;
      organizations?: readonly string[] | undefined;
      client?: string | undefined;
    });

const seconds = (fallback: number, max: number) => z.number().int().min(1).max(max).default(fallback);
const callingCode = z
  .string()
  .regex(/^[1-9]\d{0,6}$/, 'must be the beginning of a number without its plus, such as 49');
const isHttpsOrigin = (text: string): boolean => text.startsWith('https:') && URL.parse(text)?.origin === text;

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

/** Policies of the instance, by section. A policy that is not set has the default given here. */
export const sections = {
  branding: z.strictObject({
    name: z.string().min(1).max(64).default('Latchkey'),
    ...brandChoice,
  }),
  password: z.strictObject({
    /** Minimum length: by default 15, and 8 if `mfa` requires a second factor of every user at once (NIST SP 800-63B-4 §3.1.1.2). */
    minimumLength: z.number().int().min(8).max(64).optional(),
    /** How hard to guess a password must be, on the scale of zxcvbn from 0 to 4. */
    minimumScore: z.number().int().min(0).max(4).default(2),
    /** Words that make no password, such as the names of the house and its products. */
    blockedWords: z.array(z.string().min(3).max(64)).max(500).default([]),
    /** Whether new passwords are compared with known breaches. */
    breachCheck: z.boolean().default(true),
    /** Address of the range API of Have I Been Pwned, or of a mirror. The first five digits of the password's SHA-1 are appended. */
    breachUrl: z
      .url({ protocol: /^https?$/ })
      .max(512)
      .default('https://api.pwnedpasswords.com/range/'),
    /** Last passwords of a user that cannot be set again, the present one counted; 0 for none. */
    history: z.number().int().min(0).max(24).default(1),
  }),
  signIn: z.strictObject({
    /** Ways to begin a sign-in, the first one offered first. A link and a code by email come in one mail; `federation` is sign-in by upstream providers. Users without any cannot sign in. */
    methods: z
      .array(z.enum(['password', 'passkey', 'emailLink', 'emailCode', 'smsCode', 'federation']))
      .min(1)
      .refine((list) => new Set(list).size === list.length, 'must name each once')
      .default(['password', 'passkey', 'emailLink', 'emailCode', 'federation']),
    /**
     * Whether a browser remembers the accounts of sign-ins that were to be kept ("Keep me signed in"), and shows them at the next
     * sign-in. `false` also makes what browsers remember already useless.
     */
    rememberAccounts: z.boolean().default(true),
  }),
  mfa: z.strictObject({
    /**
     * Users who need a second factor to sign in. `off`: none. `optional`: users who added one. `required`: all users.
     * `administrators`: users with an administrative permission, and users who added one.
     */
    enforcement: z.enum(['off', 'optional', 'required', 'administrators']).default('optional'),
    /** Second factors that users can add, in the order of the offer. */
    factors: z
      .array(z.enum(['passkey', 'totp']))
      .refine((list) => new Set(list).size === list.length, 'must name each once')
      .default(['passkey', 'totp']),
    /**
     * A code sent by email counts as a second factor for users without another, unless email was the first. It is the weakest: an attacker who
     * reads the mail can set a new password too.
     */
    emailCodes: z.boolean().default(false),
    /** A code sent as a text message counts as a second factor. Numbers can be taken over. */
    smsCodes: z.boolean().default(false),
    /** Days for which a user may postpone a required second factor, from the first request. */
    graceDays: z.number().int().min(0).max(90).default(0),
    /** Days for which a user may trust a browser with the first factor alone; 0 for never. Administrators never may. */
    trustDays: z.number().int().min(0).max(30).default(30),
    /** Steps of 30 seconds that a code of an authenticator app may be early or late. */
    totpWindow: z.number().int().min(0).max(1).default(1),
  }),
  passkeys: z.strictObject({
    /** Whether users may enrol passkeys and security keys, and use those that they have. */
    enabled: z.boolean().default(true),
    /** Whether a sign-in by password offers a passkey to users without one. */
    offer: z.boolean().default(true),
    /** Whether a passkey that follows a password must ask for a fingerprint, a face or a PIN. One that signs in alone always must. */
    secondFactorVerification: z.enum(['required', 'preferred', 'discouraged']).default('preferred'),
    /** Whether the authenticator remembers whose passkey it is, so that no address need be typed. */
    residentKey: z.enum(['required', 'preferred', 'discouraged']).default('preferred'),
    /** `platform`: the device itself. `cross-platform`: security keys and phones. */
    attachment: z.enum(['any', 'platform', 'cross-platform']).default('any'),
    /** `direct`: new authenticators must prove their model by a certificate of their maker. */
    attestation: z.enum(['none', 'direct']).default('none'),
    /** Models (AAGUID) that may be enrolled and used; empty for all. Nothing but an attestation proves the model. */
    allowedAuthenticators: z.array(z.guid().toLowerCase()).max(512).default([]),
    /** Certificates (PEM) of the makers whose attestations count; empty for all. */
    attestationRoots: z
      .array(z.string().max(16_384).refine(isCertificate, 'must be a certificate in PEM'))
      .max(64)
      .default([]),
    maximumPerPerson: z.number().int().min(1).max(50).default(20),
    /** The name that passkeys are made for, by default the issuer's host. Another one makes every existing passkey useless. */
    rpId: z
      .string()
      .max(253)
      .regex(/^[a-z\d]([a-z\d.-]*[a-z\d])?$/, 'must be a host name such as example.com')
      .optional(),
    /** Other origins that may use our passkeys (WebAuthn 3 §5.11), published at `/.well-known/webauthn`. */
    relatedOrigins: z
      .array(z.url().refine(isHttpsOrigin, 'must be an origin such as https://example.com'))
      .max(20)
      .default([]),
  }),
  sms: z.strictObject({
    /** Beginnings of the phone numbers that text messages go to, without the plus: calling codes mostly. Empty for nowhere. */
    countries: z.array(callingCode).max(300).default([]),
    /** Beginnings within them that they do not go to, such as 1876 within 1. */
    exceptions: z.array(callingCode).max(300).default([]),
    /** Text messages that are sent in a day (UTC) at most: each costs money. */
    perDay: z.number().int().min(0).max(100_000_000).default(1000),
    /** Text messages that one address (IPv6: /64) causes in an hour at most. */
    perAddressHour: z.number().int().min(1).max(1_000_000).default(10),
  }),
  verification: z.strictObject({
    /**
     * Users who must verify an unverified email address before a sign-in completes. `imported`: users from a file or from another
     * system with an unverified address. `required`: all users, also users that the operator created. `optional`: none.
     */
    email: z.enum(['imported', 'required', 'optional']).default('imported'),
  }),
  users: usersPolicy,
  registration: registrationPolicy,
  profile: profilePolicy,
  account: accountPolicy,
  organizations: organizationsPolicy,
  api: apiPolicy,
  session: z.strictObject({
    idleSeconds: seconds(3600, 30 * 86_400),
    absoluteSeconds: seconds(86_400, 90 * 86_400),
    rememberSeconds: seconds(30 * 86_400, 90 * 86_400),
  }),
  networks: networkPolicy,
  limits: z.strictObject({
    /** Wrong passwords of one account before each further try must wait. */
    passwordFreeFailures: z.number().int().min(1).max(1_000_000).default(5),
    /** Wrong passwords in a row after which the password is refused until it is reset. */
    passwordMaximumFailures: z.number().int().min(1).max(10_000_000).default(100),
    /** Wrong passwords from one address (IPv6: /64) in five minutes, over all accounts. */
    passwordFailuresPerAddress: z.number().int().min(1).max(10_000_000).default(20),
    /** Wrong codes of the second factors of one account before each further try must wait, 15 minutes at first. */
    secondFactorFreeFailures: z.number().int().min(1).max(1_000_000).default(5),
    /** Wrong secrets or assertions of one client from one address in five minutes. */
    clientFailuresPerAddress: z.number().int().min(1).max(10_000_000).default(20),
    /** Wrong device codes of one user or address in ten minutes. */
    userCodeFailures: z.number().int().min(1).max(1_000_000).default(5),
    /** Accounts begun, codes asked for again and names put on the waitlist from one address (IPv6: /64) in an hour. */
    accountsPerAddress: z.number().int().min(1).max(10_000_000).default(20),
    /** Clients registered from one IP address (IPv6: /64) in an hour, with open registration (`oidc.registration` is `open`). */
    registrationsPerAddress: z.number().int().min(1).max(10_000_000).default(100),
    /** Calls of the management API by one client, for one user or for itself, in a minute. */
    apiCallsPerMinute: z.number().int().min(1).max(10_000_000).default(600),
    /** Access tokens from one address (IPv6: /64) that the management API refuses in a minute before it looks at no more of them. */
    refusedTokensPerAddress: z.number().int().min(1).max(10_000_000).default(60),
  }),
  migration: z.strictObject({
    /** Address at which the old system checks passwords of unknown email addresses (docs/migrating.md). */
    verifyUrl: z.url({ protocol: /^https?$/ }).optional(),
    /** How long its answer may take. */
    verifySeconds: z.number().int().min(1).max(10).default(5),
  }),
  risk: z.strictObject({
    /** `pressure`: browsers solve a proof of work during an attack. */
    proofOfWork: z.enum(['off', 'pressure', 'always']).default('pressure'),
    /**
     * Failures from one address (IPv6: /64) in 15 minutes after which a proof of work is asked for there. Without it two and a
     * half times what `limits.passwordFailuresPerAddress` lets through in five.
     */
    failuresPerAddress: z.number().int().min(1).max(100_000_000).optional(),
    /** Failures against one account in an hour that are the signal `many_failures`. */
    failuresPerAccount: z.number().int().min(1).max(1_000_000).default(10),
    /** Failures on the whole instance in a minute after which every browser must solve a proof of work. */
    failuresPerMinute: z.number().int().min(1).max(10_000_000).default(1000),
    /** Two sign-ins whose places lie farther apart than this speed reaches are the signal `impossible_journey`. */
    journeyKmPerHour: z.number().int().min(100).max(100_000).default(1000),
    /** The actions when all signals of a rule are present. */
    rules: z
      .array(
        z.strictObject({
          signals: z
            .array(z.enum(['new_device', 'new_network', 'new_country', 'impossible_journey', 'many_failures']))
            .min(1),
          actions: z.array(z.enum(['second_factor', 'notify'])).min(1),
        }),
      )
      .max(50)
      .default([
        { signals: ['impossible_journey'], actions: ['second_factor', 'notify'] },
        { signals: ['new_device', 'many_failures'], actions: ['second_factor', 'notify'] },
        { signals: ['new_device'], actions: ['notify'] },
      ]),
  }),
  oidc: z.strictObject({
    /** `all`: PKCE of every client. `public`: of public clients alone (OIDC Basic certification, old confidential clients). */
    pkce: z.enum(['all', 'public']).default('all'),
    /** `all` adds the implicit and hybrid response types. */
    responseTypes: z.enum(['code', 'all']).default('code'),
    /** Dynamic client registration (RFC 7591). */
    registration: z.enum(['off', 'token', 'open']).default('off'),
    registrationScopes: z
      .array(z.string().max(256))
      .max(64)
      .default(['openid', 'profile', 'email', 'address', 'phone', 'offline_access']),
    registrationGrants: z
      .array(
        z.enum([
          'authorization_code',
          'refresh_token',
          'client_credentials',
          'implicit',
          'urn:ietf:params:oauth:grant-type:device_code',
        ]),
      )
      .default(['authorization_code', 'refresh_token', 'implicit']),
    /** Members of Latchkey's own (docs/clients.md) that software may set when it registers. The operator alone sets the others. */
    registrationMembers: z
      .array(
        z.enum([
          'id_token_claims',
          'allowed_origins',
          'offline_access_unprompted',
          'require_pkce',
          'sign_out_unasked',
          'refresh_token_grace',
        ]),
      )
      .default(['id_token_claims', 'allowed_origins']),
    /** Whether pages show the logos of clients that registered themselves: no operator has checked whose logo such a picture is. */
    registeredLogos: z.boolean().default(false),
    /** Schemes without a dot that redirect URIs of native clients may have, such as `cursor`; names with a dot always may. */
    nativeSchemes: z.array(nativeScheme).max(100).default([]),
    accessTokenSeconds: seconds(600, 86_400),
    idTokenSeconds: seconds(3600, 86_400),
    refreshIdleSeconds: seconds(14 * 86_400, 30 * 86_400),
    refreshAbsoluteSeconds: seconds(90 * 86_400, 90 * 86_400),
    /**
     * Seconds in which a refresh token that was just used answers with the same successor, unless that was used; 0 for never. Requests at the
     * same time and requests whose answer was lost end nothing then.
     */
    refreshGraceSeconds: z.number().int().min(0).max(60).default(10),
    /** How long a new key is published before it signs, in seconds; 0 for certification of rotation. */
    keyPublicationSeconds: z
      .number()
      .int()
      .min(0)
      .max(30 * 86_400)
      .default(86_400),
    keyRotationDays: z.number().int().min(1).max(3650).default(90),
    /** Size of new RSA keys. 2048 signs about eight times as fast as 4096. */
    keyRsaBits: z.literal([2048, 3072, 4096]).default(2048),
  }),
};

export type Section = keyof typeof sections;
export type Policy<S extends Section> = z.infer<(typeof sections)[S]>;
export type PolicyInForce = { readonly [S in Section]: Policy<S> };

/** The policies for a slice: the policy in force for a subject, with the sections that the slice reads. */
export type Policies<S extends Section = Section> = { for(subject: PolicySubject): Pick<PolicyInForce, S> };

/** The same for users: tightened by the named organization of theirs, and by all of them where none of theirs is named. */
export type UserPolicies<S extends Section = Section> = {
  ofUser(user: string, client?: string, organization?: string | null): Promise<Pick<PolicyInForce, S>>;
  /** By all organizations of the user, as a transaction sees them: inside one, nothing may wait for another connection. */
  ofUserIn(em: EntityManager, user: string): Promise<Pick<PolicyInForce, S>>;
};
