/** The status of an invitation, as an administrator sees it. */
export const invitationStatuses = ['open', 'expired', 'accepted', 'declined', 'revoked'] as const;
export type InvitationStatus = (typeof invitationStatuses)[number];
