import type { MemberRoles } from '#directory/organizations/module.ts';

const nothing = async (): Promise<void> => {};

/** Members without any role. */
export const noRoles: MemberRoles = {
  grantOnCreate: nothing,
  grant: nothing,
  set: async () => ({ before: [], after: [] }),
  holding: () => 'false',
  keepingOwner: (_em, _organizationId, act) => act(),
  removeAll: nothing,
  namesOf: async () => new Map(),
  requireGivable: nothing,
  requireRightsOver: nothing,
};
