import type { OrganizationId } from './organization.ts';

/** Members of events about an organization. */
export function about(id: OrganizationId) {
  return { subject: { type: 'organization', id }, organizationId: id };
}
