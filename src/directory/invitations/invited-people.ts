import { type AuditLog, type By, byUser } from '#audit/module.ts';
import type { ContactService } from '#directory/contacts/module.ts';
import {
  lockOrganization,
  type MemberRoles,
  type MemberService,
  type OrganizationId,
} from '#directory/organizations/module.ts';
import { canonicalEmail, heldEmails, readUser, type UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import { fromUuid, parseId, toUuid } from '#kernel/ids.ts';
import { organizationInvitationAccepted, organizationInvitationDeclined } from './events.ts';
import type { OrganizationInvitation } from './invitation.ts';
import { eventAbout } from './invitation-service.ts';

export type InvitedPeopleDependencies = {
  clock: Clock;
  database: Database;
  members: Pick<MemberService, 'addIn'>;
  roles: Pick<MemberRoles, 'requireGivable'>;
  rights: PresentRights;
  contacts: Pick<ContactService, 'list'>;
  audit: Pick<AuditLog, 'record'>;
};

/** The rights of a user now, on the instance and in an organization. The slice access answers. */
type PresentRights = { mayOf(userId: UserId, organizationId: OrganizationId): Promise<NonNullable<By['may']>> };

/** An open invitation that still can be accepted. */
export type OpenInvitation = Pick<
  OrganizationInvitation,
  'id' | 'organizationId' | 'email' | 'emailCanonical' | 'roles' | 'expiresAt'
> & { organization: string };
/** `not_yours`: the user has not proven the invited address. `over`: accepted, declined, revoked, too old, or without a right now. */
type AcceptOutcome = 'joined' | 'over' | 'not_yours';

type Row = Omit<OpenInvitation, 'id' | 'organizationId'> & {
  id: string;
  organizationId: string;
  invitedByType: OrganizationInvitation['invitedByType'];
  invitedById: string | null;
};

const OPEN = `select i.id, i.organization_id as "organizationId", i.email, i.email_canonical as "emailCanonical", i.roles,
  i.expires_at as "expiresAt", i.invited_by_type as "invitedByType", i.invited_by_id as "invitedById", o.name as organization
  from organization_invitation i join organization o on o.id = i.organization_id
  where i.state = 'open' and o.status = 'active' and i.expires_at > $1`;

/** Invitations as invited people see them, by a link or on their account page: accept and decline. */
export class InvitedPeople {
  readonly #deps: InvitedPeopleDependencies;

  constructor(dependencies: InvitedPeopleDependencies) {
    this.#deps = dependencies;
  }

  /** The invitation that a link names in its data; null for one that is over. */
  async findOpen(named: unknown): Promise<OpenInvitation | null> {
    const id = typeof named === 'string' ? parseId('oin', named) : null;
    if (id === null) return null;
    const { clock, database } = this.#deps;
    const [row] = await database.sql<Row>(`${OPEN} and i.id = $2`, [clock.now(), toUuid(id)]);
    return row && (await this.#isVouchedFor(row)) ? read(row) : null;
  }

  /** The open invitations of every address that the user has proven, by organization. */
  async listFor(userId: UserId): Promise<OpenInvitation[]> {
    const { clock, database, contacts } = this.#deps;
    const emails = (await contacts.list(userId, 'email'))
      .filter(({ isVerified }) => isVerified)
      .map(({ value }) => canonicalEmail(value) ?? '');
    if (emails.length === 0) return [];
    const rows = await database.sql<Row>(
      `${OPEN} and i.email_canonical = any($2::text[]) order by lower(o.name), i.id`,
      [clock.now(), emails],
    );
    const isOpen = await Promise.all(rows.map((row) => this.#isVouchedFor(row)));
    return rows.filter((_row, at) => isOpen[at]).map(read);
  }

  /** Whether the user has proven the address of an invitation. */
  async isFor({ emailCanonical }: Pick<OpenInvitation, 'emailCanonical'>, userId: UserId): Promise<boolean> {
    const contacts = await this.#deps.contacts.list(userId, 'email');
    return contacts.some(({ value, isVerified }) => isVerified && canonicalEmail(value) === emailCanonical);
  }

  /** A user's own act. Of any number at once, on any nodes, one joins. */
  async accept(id: string, userId: UserId, by: By): Promise<AcceptOutcome> {
    const invitation = await this.findOpen(id);
    if (invitation === null) return 'over';
    try {
      return await this.#deps.database.transaction((em) => this.acceptIn(em, invitation, userId, by));
    } catch (error) {
      if (isOver(error)) return 'over';
      throw error;
    }
  }

  /**
   * The same in a transaction, for an invitation that `findOpen` answered just now: also for the account that the transaction creates.
   * Throws what adding a member throws.
   */
  async acceptIn(em: EntityManager, invitation: OpenInvitation, userId: UserId, by: By): Promise<AcceptOutcome> {
    const { organizationId } = invitation;
    await lockOrganization(em, organizationId);
    if (!(await hasProven(em, userId, invitation.emailCanonical))) return 'not_yours';
    if (!(await this.#decide(em, invitation, 'accepted'))) return 'over';
    try {
      await this.#deps.members.addIn(em, organizationId, userId, invitation.roles, 'invitation', by);
    } catch (error) {
      // Joined by another way meanwhile, and keeps the roles of that.
      if (!(error instanceof AppError && error.code === 'organizations.already_member')) throw error;
    }
    await this.#deps.audit.record(em, organizationInvitationAccepted(eventAbout(invitation, by)));
    return 'joined';
  }

  /** By a user who has proven the address, or without a user by the holder of the link. False for one that is over. */
  async decline(id: string, userId: UserId | null, by: By): Promise<boolean> {
    const invitation = await this.findOpen(id);
    if (invitation === null) return false;
    return this.#deps.database.transaction(async (em) => {
      await lockOrganization(em, invitation.organizationId);
      if (userId !== null && !(await hasProven(em, userId, invitation.emailCanonical))) return false;
      if (!(await this.#decide(em, invitation, 'declined'))) return false;
      await this.#deps.audit.record(em, organizationInvitationDeclined(eventAbout(invitation, by)));
      return true;
    });
  }

  /** One conditional write: what was decided stays decided. */
  async #decide(
    em: EntityManager,
    { id, organizationId, expiresAt }: OpenInvitation,
    state: 'accepted' | 'declined',
  ): Promise<boolean> {
    const now = this.#deps.clock.now();
    // Sent again meanwhile, it has another end, and another actor vouches for it.
    const decided = await em.execute<unknown[]>(
      `update organization_invitation set state = ?, decided_at = ?
       where organization_id = ? and id = ? and state = 'open' and expires_at > ? and expires_at = ? returning 1`,
      [state, now, toUuid(organizationId), toUuid(id), now, expiresAt],
    );
    return decided.length > 0;
  }

  /**
   * A user who invited must still be allowed to invite there, and to give these roles. Operators and machine clients were checked
   * when they invited.
   */
  async #isVouchedFor({ invitedByType: type, invitedById: id, organizationId, roles }: Row): Promise<boolean> {
    if (type !== 'user') return true;
    if (id === null) return false;
    const organization = fromUuid('org', organizationId);
    const may = await this.#deps.rights.mayOf(id as UserId, organization);
    const by: By = { ...byUser(id as UserId), may };
    if (!may('organization.invitations.manage', organization)) return false;
    try {
      await this.#deps.roles.requireGivable(roles, organization, by);
      return true;
    } catch (error) {
      if (error instanceof AppError) return false;
      throw error;
    }
  }
}

function read({ id, organizationId, email, emailCanonical, roles, expiresAt, organization }: Row): OpenInvitation {
  return {
    id: fromUuid('oin', id),
    organizationId: fromUuid('org', organizationId),
    email,
    emailCanonical,
    roles,
    expiresAt,
    organization,
  };
}

/** Locks the user. An address that is only claimed, or was given up, is not proven. */
async function hasProven(em: EntityManager, userId: UserId, emailCanonical: string): Promise<boolean> {
  const held = await heldEmails(em, userId);
  const found = held.find(({ canonical, place }) => canonical === emailCanonical && place !== 'given_up');
  if (!found) return false;
  const user = await readUser(em, userId);
  return user?.status === 'active' && (found.place !== 'first' || user.emailVerified);
}

/** Suspended, closed or erased meanwhile, or a role of it was deleted. */
const over: ReadonlySet<string> = new Set([
  'organizations.not_found',
  'organizations.inactive',
  'users.not_found',
  'roles.not_found',
]);
/** Whether an error of an acceptance means that the invitation is over. */
export const isOver = (error: unknown): boolean => error instanceof AppError && over.has(error.code);
