import { z } from 'zod';
import { LONGEST_ATTRIBUTE, MOST_ATTRIBUTES } from './limits.ts';

const text = z.string().min(1).max(LONGEST_ATTRIBUTE);
const named = {
  name: text.describe('Name of the attribute, such as email or urn:oid:0.9.2342.19200300.100.1.3'),
  name_format: z.enum(['basic', 'uri', 'unspecified']).optional().describe('Format of the name; basic by default'),
  friendly_name: text.optional().describe('Name for people'),
};

/** Claims of the user that an attribute may hold, each with the scope that releases it. */
const scopeOfClaim = {
  name: 'profile',
  given_name: 'profile',
  family_name: 'profile',
  middle_name: 'profile',
  nickname: 'profile',
  preferred_username: 'profile',
  profile: 'profile',
  picture: 'profile',
  website: 'profile',
  gender: 'profile',
  birthdate: 'profile',
  zoneinfo: 'profile',
  locale: 'profile',
  email: 'email',
  phone_number: 'phone',
} as const;
type AttributeClaim = keyof typeof scopeOfClaim;
const claims = Object.keys(scopeOfClaim) as [AttributeClaim, ...AttributeClaim[]];

const attribute = z.discriminatedUnion('source', [
  z.strictObject({ ...named, source: z.literal('claim'), claim: z.enum(claims) }),
  z.strictObject({ ...named, source: z.literal('property'), property: z.string().regex(/^[a-z][a-z0-9_]{0,62}$/) }),
  z.strictObject({
    ...named,
    source: z.literal('roles'),
    /** Names of roles at the application; other roles keep their names. */
    names: z.record(text, text).optional(),
    /** Only roles that `names` lists. */
    only_named: z.boolean().optional(),
  }),
  z.strictObject({ ...named, source: z.literal('permissions') }),
  z.strictObject({ ...named, source: z.literal('organization'), member: z.enum(['id', 'slug', 'name']) }),
  z.strictObject({ ...named, source: z.literal('user_id') }),
  z.strictObject({ ...named, source: z.literal('constant'), values: z.array(text).min(1).max(MOST_ATTRIBUTES) }),
]);

/** Attributes of the assertions for one application, each with the source of its values. */
export const attributesSchema = z
  .array(attribute)
  .max(MOST_ATTRIBUTES)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'must name each attribute once');

export type AttributeMapping = z.output<typeof attribute>;

/** The attributes where an operator maps none: most applications ask for them. */
export const usualAttributes: readonly AttributeMapping[] = [
  { name: 'email', source: 'claim', claim: 'email' },
  { name: 'name', source: 'claim', claim: 'name' },
  { name: 'given_name', source: 'claim', claim: 'given_name' },
  { name: 'family_name', source: 'claim', claim: 'family_name' },
];

/** The facts about a user, a session and an organization that attributes are made of. */
export type AttributeFacts = {
  userId: string;
  /** Claims of the granted scopes. */
  claims: Readonly<Partial<Record<AttributeClaim | 'email_verified', unknown>>>;
  properties: Readonly<Record<string, unknown>>;
  roles: readonly string[];
  permissions: readonly string[];
  organization: { id: string; slug: string; name: string } | null;
};

export type Attribute = {
  name: string;
  nameFormat: 'basic' | 'uri' | 'unspecified';
  friendlyName: string | null;
  values: readonly string[];
};

/**
 * The attributes of an assertion. One without a value is left out. An email address that was not verified is no value: applications find
 * accounts by it.
 */
export function attributesOf(mapping: readonly AttributeMapping[], facts: AttributeFacts): readonly Attribute[] {
  return mapping
    .map((each) => ({
      name: each.name,
      nameFormat: each.name_format ?? 'basic',
      friendlyName: each.friendly_name ?? null,
      values: valuesOf(each, facts),
    }))
    .filter(({ values }) => values.length > 0);
}

function valuesOf(mapping: AttributeMapping, facts: AttributeFacts): readonly string[] {
  switch (mapping.source) {
    case 'claim':
      if (mapping.claim === 'email' && facts.claims.email_verified !== true) return [];
      return texts(facts.claims[mapping.claim]);
    case 'property':
      return texts(facts.properties[mapping.property]);
    case 'roles':
      return rolesOf(mapping, facts.roles);
    case 'permissions':
      return facts.permissions.toSorted();
    case 'organization':
      return facts.organization === null ? [] : [facts.organization[mapping.member]];
    case 'user_id':
      return [facts.userId];
    case 'constant':
      return mapping.values;
  }
}

function rolesOf(
  { names = {}, only_named: onlyNamed = false }: Extract<AttributeMapping, { source: 'roles' }>,
  roles: readonly string[],
): readonly string[] {
  const named = roles.flatMap((role) => (Object.hasOwn(names, role) ? names[role]! : onlyNamed ? [] : role));
  return [...new Set(named)].toSorted();
}

/** Numbers and booleans as text; of a list each member; nothing of an object. */
function texts(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((member) => texts(member));
  if (typeof value === 'string') return value === '' ? [] : [value];
  return typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : [];
}

/** The scopes that the attributes need, for the question whether the user agrees. */
export function scopesOf(mapping: readonly AttributeMapping[]): ReadonlySet<string> {
  return new Set(
    mapping.flatMap((each) =>
      each.source === 'claim'
        ? scopeOfClaim[each.claim]
        : each.source === 'property' || each.source === 'roles' || each.source === 'permissions'
          ? 'profile'
          : [],
    ),
  );
}
