export const organizationStatuses = ['active', 'suspended', 'closing'] as const;
/** `suspended`: an operator stopped it. `closing`: it is erased at `closesAt`. Neither can be the organization of a sign-in. */
export type OrganizationStatus = (typeof organizationStatuses)[number];
export const memberSources = ['created', 'invitation', 'domain', 'operation', 'connection'] as const;
/** How a user became a member. */
export type MemberSource = (typeof memberSources)[number];
