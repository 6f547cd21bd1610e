/** Organizations and members as operations show them. */
import { z } from 'zod';
import { timeSchema } from '#kernel/operations/schemas.ts';
import type { Member, OwnOrganization } from './member-service.ts';
import type { Organization } from './organization.ts';
import { memberSources, organizationStatuses } from './statuses.ts';

const status = z.enum(organizationStatuses);
const metadata = z.record(z.string(), z.unknown());

export const organizationSchema = z.strictObject({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  status,
  closes_at: timeSchema.optional().describe('When it is erased, unless its closing is called off'),
  metadata,
  public_metadata: metadata,
  created_by: z.string().optional(),
  created_at: timeSchema,
  updated_at: timeSchema,
});

/** An organization as the command line and the management API show one. */
export function organizationOnWire(organization: Organization): z.input<typeof organizationSchema> {
  const { id, slug, name, closesAt, createdBy, publicMetadata } = organization;
  return {
    id,
    slug,
    name,
    status: organization.status,
    ...(closesAt ? { closes_at: closesAt.toISOString() } : {}),
    metadata: organization.metadata,
    public_metadata: publicMetadata,
    ...(createdBy ? { created_by: createdBy } : {}),
    created_at: organization.createdAt.toISOString(),
    updated_at: organization.updatedAt.toISOString(),
  };
}

export const ownOrganizationSchema = z.strictObject({ id: z.string(), slug: z.string(), name: z.string(), status });

/** An organization in the list of a user. */
export function ownOrganizationOnWire({ id, slug, name, ...rest }: OwnOrganization) {
  return { id, slug, name, status: rest.status } satisfies z.input<typeof ownOrganizationSchema>;
}

export const memberSchema = z.strictObject({
  user_id: z.string(),
  email: z.string().optional(),
  username: z.string().optional(),
  name: z.string().optional(),
  status: z.enum(['active', 'disabled']).describe('Status of the user'),
  roles: z.array(z.string()).describe('Roles of the member, without inherited roles and roles of groups'),
  source: z.enum(memberSources).describe('How the user joined'),
  joined_at: timeSchema,
});

/** A member as the command line and the management API show one. */
export function memberOnWire({
  userId,
  email,
  username,
  name,
  status: ofUser,
  roles,
  source,
  createdAt,
}: Member): z.input<typeof memberSchema> {
  return {
    user_id: userId,
    ...(email === null ? {} : { email }),
    ...(username === null ? {} : { username }),
    ...(name ? { name } : {}),
    status: ofUser,
    roles: [...roles],
    source,
    joined_at: createdAt.toISOString(),
  };
}
