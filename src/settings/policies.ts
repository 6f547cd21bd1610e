import { z } from 'zod';

const seconds = (fallback: number, max: number) => z.number().int().min(1).max(max).default(fallback);
const color = z.string().regex(/^#[0-9a-f]{6}$/i, 'must be a colour such as #0a3fb5');

/** Policies of the instance, by section. What is not set has the default given here. */
export const policies = {
  branding: z.strictObject({
    name: z.string().min(1).max(64).default('Latchkey'),
    color: color.optional(),
    accent: color.optional(),
    privacyUrl: z.url({ protocol: /^https?$/ }).optional(),
    termsUrl: z.url({ protocol: /^https?$/ }).optional(),
    helpUrl: z.url({ protocol: /^https?$/ }).optional(),
  }),
  password: z.strictObject({
    /** NIST SP 800-63B-4 asks for 15 where a password alone signs in. */
    minimumLength: z.number().int().min(8).max(64).default(15),
  }),
  session: z.strictObject({
    idleSeconds: seconds(3600, 30 * 86_400),
    absoluteSeconds: seconds(86_400, 90 * 86_400),
    rememberSeconds: seconds(30 * 86_400, 90 * 86_400),
  }),
  limits: z.strictObject({
    /** Wrong passwords of one account before each further try must wait. */
    passwordFreeFailures: z.number().int().min(1).max(1_000_000).default(5),
    /** Wrong passwords in a row after which the password is refused until it is reset. */
    passwordMaximumFailures: z.number().int().min(1).max(10_000_000).default(100),
    /** Wrong passwords from one address (IPv6: /64) in five minutes, over all accounts. */
    passwordFailuresPerAddress: z.number().int().min(1).max(10_000_000).default(20),
    /** Wrong secrets or assertions of one client from one address in five minutes. */
    clientFailuresPerAddress: z.number().int().min(1).max(10_000_000).default(20),
    /** Wrong device codes of one person or address in ten minutes. */
    userCodeFailures: z.number().int().min(1).max(1_000_000).default(5),
    /** Clients registered from one address (IPv6: /64) in an hour, where anybody may (`oidc.registration` is `open`). */
    registrationsPerAddress: z.number().int().min(1).max(10_000_000).default(100),
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
    accessTokenSeconds: seconds(600, 86_400),
    idTokenSeconds: seconds(3600, 86_400),
    refreshIdleSeconds: seconds(14 * 86_400, 30 * 86_400),
    refreshAbsoluteSeconds: seconds(90 * 86_400, 90 * 86_400),
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

export type Section = keyof typeof policies;
export type Policy<S extends Section> = z.infer<(typeof policies)[S]>;
export type Policies = { readonly [S in Section]: Policy<S> };
