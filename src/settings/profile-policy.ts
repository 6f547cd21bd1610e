import { protocolClaims, scopeClaims } from '#kernel/claims.ts';
import { z } from 'zod';

/** The text of a label: one text for all languages, or texts by language with English as the fallback. */
const label = z.union([
  z.string().trim().min(1).max(128),
  z
    .record(z.string().regex(/^[a-z]{2,3}$/, 'must be a language such as de'), z.string().trim().min(1).max(128))
    .refine((texts) => texts['en'] !== undefined, 'must have an English text (en)'),
]);

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/**
 * Names that a token, a claim or a record of a user has already: a property must not be able to say in an ID token who
 * the user is or when it ends (protocol claims, OpenID Connect Core §5.1, RFC 7643).
 */
const taken = new Set<string>([
  ...protocolClaims,
  ...Object.values(scopeClaims).flat(),
  ...words(`properties id password status
   username roles groups entitlements permissions organization organizations org_id is_administrator administrator`),
]);

/** One thing that the operator wants to know of users, beyond the claims of OpenID Connect. */
const propertySchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be lower-case letters, digits and _, beginning with a letter')
      .refine((name) => !taken.has(name), 'is a name that is taken'),
    type: z.enum(['text', 'number', 'boolean', 'date', 'choice', 'url']),
    label,
    /** A user without a value is asked at the next sign-in, if users may edit it. */
    required: z.boolean().default(false),
    /** `operator`: only the operator sees it. `user`: also the user. `claims`: also relying parties, by a claim of its name with the scope `profile`. */
    visibility: z.enum(['operator', 'user', 'claims']).default('user'),
    editable: z.enum(['user', 'operator']).default('user'),
    /** Asked when an account is created. */
    registration: z.boolean().default(false),
    /** Most characters of a text. */
    maxLength: z.number().int().min(1).max(4096).optional(),
    /** The choices, by stored value. */
    choices: z
      .array(z.strictObject({ value: z.string().min(1).max(128), label }))
      .min(1)
      .max(200)
      .refine((list) => new Set(list.map(({ value }) => value)).size === list.length, 'must name each value once')
      .optional(),
  })
  .superRefine((property, context) => {
    const refuse = (member: string, message: string) => context.addIssue({ code: 'custom', path: [member], message });
    if ((property.type === 'choice') !== (property.choices !== undefined))
      refuse('choices', 'belong to the type choice, and it needs them');
    if (property.maxLength !== undefined && property.type !== 'text') refuse('maxLength', 'belongs to the type text');
    if (property.visibility === 'operator' && property.editable === 'user')
      refuse('editable', 'must be operator where people do not see it');
    if (property.registration && property.editable === 'operator')
      refuse('registration', 'must be false for what only an operator may edit');
  });

export type Property = z.infer<typeof propertySchema>;

const claims = z.array(z.enum(['name', 'given_name', 'family_name', 'nickname', 'birthdate', 'website']));

export const profilePolicy = z.strictObject({
  required: claims.default([]),
  fields: claims.default(['name']),
  nameFallback: z.enum(['localPart', 'id', 'none']).default('localPart'),
  properties: z
    .array(propertySchema)
    .max(64)
    .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'must have each name once')
    .default([]),
});
