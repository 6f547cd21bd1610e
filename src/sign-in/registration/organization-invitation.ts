import { byUser, byVisitor, type Visitor } from '#audit/module.ts';
import type { InvitedPeople, OpenInvitation } from '#directory/invitations/module.ts';
import type { User, UserId, UserService } from '#directory/users/module.ts';
import type { InvitationService } from './invitation-service.ts';
import type { InvitedPage } from './organization-invitation-view.ts';

export type OrganizationalDependencies = {
  invitations: Pick<InvitationService, 'isClosed' | 'findOrganizational'>;
  invitedPeople: Pick<InvitedPeople, 'findOpen' | 'isFor' | 'accept' | 'decline'>;
  users: Pick<UserService, 'findByIdentifier'>;
};

/** The signed-in user of the browser that opened the link. */
type Reader = { userId: UserId; user: Pick<User, 'email' | 'emailCanonical'> } | null;
/** `situation`: what the reader can do with it. */
export type Seen = { invitation: OpenInvitation; situation: InvitedPage['situation'] };

/** The link of an invitation to an organization, for its reader: with or without an account, signed in as the invited user or as another. */
export class OrganizationalInvitations {
  readonly #deps: OrganizationalDependencies;

  constructor(dependencies: OrganizationalDependencies) {
    this.#deps = dependencies;
  }

  /** `null`: it is no link of an organization. `over`: the invitation was answered or revoked, or is too old. */
  async see(link: string, reader: Reader): Promise<Seen | 'over' | null> {
    const id = await this.#deps.invitations.findOrganizational(link);
    if (id === null) return null;
    const invitation = await this.#deps.invitedPeople.findOpen(id);
    return invitation === null ? 'over' : { invitation, situation: await this.#situationOf(invitation, reader) };
  }

  async accept({ id }: OpenInvitation, userId: UserId, visitor: Visitor | undefined): Promise<boolean> {
    return (await this.#deps.invitedPeople.accept(id, userId, byUser(userId, visitor))) === 'joined';
  }

  /** The holder of the link reads the mail of the invited address; whether there is an account does not matter. */
  async decline({ id }: OpenInvitation, visitor: Visitor | undefined): Promise<boolean> {
    return this.#deps.invitedPeople.decline(id, null, byVisitor(visitor));
  }

  /** The holder of the link may know: the mail went to the address. */
  async hasAccount({ email }: Pick<OpenInvitation, 'email'>): Promise<boolean> {
    return (await this.#deps.users.findByIdentifier(email)) !== null;
  }

  async #situationOf(invitation: OpenInvitation, reader: Reader): Promise<Seen['situation']> {
    if (reader !== null) {
      if (await this.#deps.invitedPeople.isFor(invitation, reader.userId)) return 'accept';
      return reader.user.emailCanonical === invitation.emailCanonical ? 'unverified' : 'other_account';
    }
    if (await this.hasAccount(invitation)) return 'sign_in';
    return this.#deps.invitations.isClosed() ? 'no_account' : 'create';
  }
}
