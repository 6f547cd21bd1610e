/**
 * invitations: email addresses that organizations invite.
 *
 * Owns    the table organization_invitation; who may accept one, and with which roles; the mail about it.
 * Leaves  the link to credentials, members to organizations, roles to access, the page of the link and new accounts to
 *         registration, the list of a user to account.
 * URLs    none.
 */
import { type InvitationDependencies, OrganizationInvitationService } from './invitation-service.ts';
import { InvitedPeople, type InvitedPeopleDependencies } from './invited-people.ts';

export type Dependencies = Omit<InvitationDependencies, 'urlOf'> &
  InvitedPeopleDependencies & {
    config: { issuer: string };
  };

/** Creates the invitations of organizations, for administrators and for invited people. */
export function createOrganizationInvitations({ config, ...dependencies }: Dependencies) {
  return {
    invitations: new OrganizationInvitationService({
      ...dependencies,
      urlOf: (path) => `${config.issuer}${path}`,
    }),
    people: new InvitedPeople(dependencies),
  };
}

export { OrganizationInvitation } from './invitation.ts';
export { type InvitedPeople, isOver, type OpenInvitation } from './invited-people.ts';
