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
    minimumLength: z.number().int().min(8).max(64).optional(),
    minimumScore: z.number().int().min(0).max(4).default(2),
    blockedWords: z.array(z.string().min(3).max(64)).max(500).default([]),
    breachCheck: z.boolean().default(true),
    breachUrl: z
      .url({ protocol: /^https?$/ })
      .max(512)
      .default('https://api.pwnedpasswords.com/range/'),
    history: z.number().int().min(0).max(24).default(1),
  }),
  signIn: z.strictObject({
    methods: z
      .array(z.enum(['password', 'passkey', 'emailLink', 'emailCode', 'smsCode', 'federation']))
      .min(1)
      .refine((list) => new Set(list).size === list.length, 'must name each once')
      .default(['password', 'passkey', 'emailLink', 'emailCode', 'federation']),
    rememberAccounts: z.boolean().default(true),
  }),
  mfa: z.strictObject({
    enforcement: z.enum(['off', 'optional', 'required', 'administrators']).default('optional'),
    factors: z
      .array(z.enum(['passkey', 'totp']))
      .refine((list) => new Set(list).size === list.length, 'must name each once')
      .default(['passkey', 'totp']),
    emailCodes: z.boolean().default(false),
    smsCodes: z.boolean().default(false),
    graceDays: z.number().int().min(0).max(90).default(0),
    trustDays: z.number().int().min(0).max(30).default(30),
    totpWindow: z.number().int().min(0).max(1).default(1),
  }),
  passkeys: z.strictObject({
    enabled: z.boolean().default(true),
    offer: z.boolean().default(true),
    secondFactorVerification: z.enum(['required', 'preferred', 'discouraged']).default('preferred'),
    residentKey: z.enum(['required', 'preferred', 'discouraged']).default('preferred'),
    attachment: z.enum(['any', 'platform', 'cross-platform']).default('any'),
    attestation: z.enum(['none', 'direct']).default('none'),
    allowedAuthenticators: z.array(z.guid().toLowerCase()).max(512).default([]),
    attestationRoots: z
      .array(z.string().max(16_384).refine(isCertificate, 'must be a certificate in PEM'))
      .max(64)
      .default([]),
    maximumPerPerson: z.number().int().min(1).max(50).default(20),
    rpId: z
      .string()
      .max(253)
      .regex(/^[a-z\d]([a-z\d.-]*[a-z\d])?$/, 'must be a host name such as example.com')
      .optional(),
    relatedOrigins: z
      .array(z.url().refine(isHttpsOrigin, 'must be an origin such as https://example.com'))
      .max(20)
      .default([]),
  }),
  sms: z.strictObject({
    countries: z.array(callingCode).max(300).default([]),
    exceptions: z.array(callingCode).max(300).default([]),
    perDay: z.number().int().min(0).max(100_000_000).default(1000),
    perAddressHour: z.number().int().min(1).max(1_000_000).default(10),
  }),
  verification: z.strictObject({
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
    passwordFreeFailures: z.number().int().min(1).max(1_000_000).default(5),
    passwordMaximumFailures: z.number().int().min(1).max(10_000_000).default(100),
    passwordFailuresPerAddress: z.number().int().min(1).max(10_000_000).default(20),
    secondFactorFreeFailures: z.number().int().min(1).max(1_000_000).default(5),
    clientFailuresPerAddress: z.number().int().min(1).max(10_000_000).default(20),
    userCodeFailures: z.number().int().min(1).max(1_000_000).default(5),
    accountsPerAddress: z.number().int().min(1).max(10_000_000).default(20),
    registrationsPerAddress: z.number().int().min(1).max(10_000_000).default(100),
    apiCallsPerMinute: z.number().int().min(1).max(10_000_000).default(600),
    refusedTokensPerAddress: z.number().int().min(1).max(10_000_000).default(60),
  }),
  migration: z.strictObject({
    verifyUrl: z.url({ protocol: /^https?$/ }).optional(),
    verifySeconds: z.number().int().min(1).max(10).default(5),
  }),
  risk: z.strictObject({
    proofOfWork: z.enum(['off', 'pressure', 'always']).default('pressure'),
    failuresPerAddress: z.number().int().min(1).max(100_000_000).optional(),
    failuresPerAccount: z.number().int().min(1).max(1_000_000).default(10),
    failuresPerMinute: z.number().int().min(1).max(10_000_000).default(1000),
    journeyKmPerHour: z.number().int().min(100).max(100_000).default(1000),
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
    pkce: z.enum(['all', 'public']).default('all'),
    responseTypes: z.enum(['code', 'all']).default('code'),
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
    registeredLogos: z.boolean().default(false),
    nativeSchemes: z.array(nativeScheme).max(100).default([]),
    accessTokenSeconds: seconds(600, 86_400),
    idTokenSeconds: seconds(3600, 86_400),
    refreshIdleSeconds: seconds(14 * 86_400, 30 * 86_400),
    refreshAbsoluteSeconds: seconds(90 * 86_400, 90 * 86_400),
    refreshGraceSeconds: z.number().int().min(0).max(60).default(10),
    keyPublicationSeconds: z
      .number()
      .int()
      .min(0)
      .max(30 * 86_400)
      .default(86_400),
    keyRotationDays: z.number().int().min(1).max(3650).default(90),
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
