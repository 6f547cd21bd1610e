import { z } from 'zod';
import { protocolClaims, scopeClaims } from '#kernel/claims.ts';
import { LONGEST_CONSTANT, MOST_MAPPED_CLAIMS } from './limits.ts';

/** Claims by which relying parties link accounts or reach their owners, after a verification (OpenID Connect Core §5.1). */
const provenClaims = ['email', 'email_verified', 'phone_number', 'phone_number_verified', 'address', 'updated_at'];
/** Compared in small letters, because some libraries read members of JSON in any case. */
const reserved: ReadonlySet<string> = new Set([...protocolClaims, ...provenClaims]);

const claimName = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_.:/#-]{0,127}$/,
    'must be the name of a claim, such as groups or https://example.com/roles',
  )
  .refine((name) => !reserved.has(name.toLowerCase()), 'is a claim that cannot be mapped');

/** The claims of the scopes, whose values another claim may repeat; not those that say what was verified, and when. */
const standardClaim = z.enum([...scopeClaims.profile, 'email', 'phone_number', 'address']).exclude(['updated_at']);
const places = {
  in: z
    .array(z.enum(['id_token', 'userinfo']))
    .min(1)
    .optional(),
};
/** The scope that releases personal data; a user consents to it. */
const personalScope = z.enum(['profile', 'email', 'address', 'phone']).optional();
const word = z.string().max(LONGEST_CONSTANT);

/** Where the value of a claim comes from. */
const mapping = z.discriminatedUnion('source', [
  z.strictObject({
    source: z.literal('claim'),
    name: standardClaim,
    ...places,
  }),
  z.strictObject({
    source: z.literal('property'),
    name: z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be the name of a property'),
    scope: personalScope,
    ...places,
  }),
  z.strictObject({ source: z.enum(['roles', 'permissions']), scope: personalScope, ...places }),
  z.strictObject({ source: z.literal('scopes'), ...places }),
  z.strictObject({
    source: z.literal('constant'),
    value: z.union([word, z.number(), z.boolean(), z.array(word).max(MOST_MAPPED_CLAIMS)]),
    ...places,
  }),
]);

export type Mapping = z.output<typeof mapping>;

/** Claims of one client, by name, each with its source. */
export const mappedClaimsSchema = z
  .record(claimName, mapping)
  .refine(
    (claims) => Object.keys(claims).length <= MOST_MAPPED_CLAIMS,
    `must hold at most ${MOST_MAPPED_CLAIMS} claims`,
  );
