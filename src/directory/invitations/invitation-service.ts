import type { AuditLog, By } from '#audit/module.ts';
import { type OneTimeSecrets, secretLifetimes } from '#credentials/module.ts';
import { alreadyMember, organizationInactive } from '#directory/organizations/errors.ts';
import {
  lockOrganization,
  type MemberRoles,
  type MemberService,
  type Organization,
  type OrganizationId,
} from '#directory/organizations/module.ts';
import { canonicalEmail, newCanonicalEmail, type UserId, type UserService } from '#directory/users/module.ts';
import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { containing, type Page, pageFind, pageOf, type PageRequest } from '#kernel/operations/list-operation.ts';
import type { Throttle } from '#kernel/throttle.ts';
import { invitationNotFound, invitationsTooFast, invitedAddressInvalid, tooManyInvitations } from './errors.ts';
import { organizationInvitationResent, organizationInvitationRevoked, organizationMemberInvited } from './events.ts';
import type { InvitationStatus } from './invitation-status.ts';
import { OrganizationInvitation, type OrganizationInvitationId } from './invitation.ts';
import { invitedLetter } from './invited-letter.ts';
import { INVITATION_MAILS, MOST_OPEN_INVITATIONS, OVER_KEPT_FOR } from './limits.ts';

export type InvitationDependencies = {
  clock: Clock;
  database: Database;
  throttle: Pick<Throttle, 'consume'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'findByLink'>;
  organizations: { require(id: string): Promise<Pick<Organization, 'id' | 'name'>> };
  members: Pick<MemberService, 'isMember' | 'addIn'>;
  roles: Pick<MemberRoles, 'requireGivable'>;
  users: Pick<UserService, 'findById' | 'findByIdentifier'>;
  letters: Pick<Letters, 'send'>;
  audit: Pick<AuditLog, 'record'>;
  urlOf(path: string): string;
};

type Invited = { email: string; roles: readonly string[]; language: Language };
/** `search`: a part of the email address. */
type InvitationFilters = { status?: InvitationStatus | undefined; search?: string | undefined };

/** As long as the link works. */
const LIFETIME = secretLifetimes.invitation;

/** Invitations as administrators of an organization see them: makes, lists, sends again and revokes them. */
export class OrganizationInvitationService {
  readonly #deps: InvitationDependencies;

  constructor(dependencies: InvitationDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Sends a link to an address. It takes the place of an open invitation of that address to the same organization. Throws
   * invitations.invalid, .too_many, .too_fast, organizations.not_found, .inactive, .already_member, and where a role
   * cannot be given.
   */
  async invite(
    organizationId: OrganizationId,
    { email: typed, roles, language }: Invited,
    by: By,
  ): Promise<OrganizationInvitation> {
    const { clock, audit } = this.#deps;
    const email = typed.trim();
    if (newCanonicalEmail(email) === null) throw invitedAddressInvalid(typed);
    const emailCanonical = canonicalEmail(email) ?? '';
    const organization = await this.#prepare(organizationId, roles, by);
    const holder = await this.#deps.users.findByIdentifier(email);
    if (holder !== null && (await this.#deps.members.isMember(organizationId, holder.id))) throw alreadyMember();
    const inviter = await this.#nameOf(by);
    return this.#act(organizationId, async (em) => {
      await em.execute(
        `update organization_invitation set state = 'revoked', decided_at = ?
         where organization_id = ? and email_canonical = ? and state = 'open'`,
        [clock.now(), toUuid(organizationId), emailCanonical],
      );
      await this.#requireRoom(em, organizationId);
      const invitation = em.create(OrganizationInvitation, {
        id: newId('oin'),
        organizationId,
        email,
        emailCanonical,
        roles: [...new Set(roles)],
        language,
        state: 'open',
        invitedByType: by.actor.type,
        invitedById: by.actor.id ?? null,
        createdAt: clock.now(),
        expiresAt: fromNow(clock, LIFETIME),
        decidedAt: null,
      });
      await em.flush();
      await this.#send(em, invitation, { organization: organization.name, inviter });
      await audit.record(em, organizationMemberInvited(eventAbout(invitation, by)));
      return invitation;
    });
  }

  /**
   * Sends a new link for another seven days; the old one stops working. From now on the sender vouches for the roles. Throws
   * invitations.not_found, .too_fast, organizations.not_found, .inactive, and where a role cannot be given.
   */
  async resend(organizationId: OrganizationId, id: OrganizationInvitationId, by: By): Promise<OrganizationInvitation> {
    const { clock, database, audit } = this.#deps;
    await this.#deps.organizations.require(organizationId);
    const { roles } = await this.#requireOpen(database.em(), organizationId, id);
    const organization = await this.#prepare(organizationId, roles, by);
    const inviter = await this.#nameOf(by);
    return this.#act(organizationId, async (em) => {
      const invitation = await this.#requireOpen(em, organizationId, id);
      invitation.invitedByType = by.actor.type;
      invitation.invitedById = by.actor.id ?? null;
      invitation.expiresAt = fromNow(clock, LIFETIME);
      await em.flush();
      await this.#send(em, invitation, { organization: organization.name, inviter });
      await audit.record(em, organizationInvitationResent(eventAbout(invitation, by)));
      return invitation;
    });
  }

  /** Throws invitations.not_found, organizations.not_found. */
  async revoke(organizationId: OrganizationId, id: OrganizationInvitationId, by: By): Promise<OrganizationInvitation> {
    const { clock, database, audit } = this.#deps;
    return database.transaction(async (em) => {
      await lockOrganization(em, organizationId);
      const invitation = await this.#requireOpen(em, organizationId, id);
      invitation.state = 'revoked';
      invitation.decidedAt = clock.now();
      await em.flush();
      await audit.record(em, organizationInvitationRevoked(eventAbout(invitation, by)));
      return invitation;
    });
  }

  /** A page of those that match, those that are over included while they are kept. */
  async page(
    organizationId: OrganizationId,
    { status, search }: InvitationFilters,
    page: PageRequest<'created_at' | 'email'>,
  ): Promise<Page<OrganizationInvitation>> {
    const { clock, database } = this.#deps;
    const isOver = { $lte: clock.now() };
    const byStatus =
      status === undefined
        ? {}
        : status === 'expired'
          ? { state: 'open' as const, expiresAt: isOver }
          : status === 'open'
            ? { state: status, $not: { expiresAt: isOver } }
            : { state: status };
    const byText = search === undefined ? {} : { email: { $ilike: containing(search) } };
    const matching = { organizationId, ...byStatus, ...byText };
    const { where, options } = pageFind(page, page.sort === 'email' ? ['emailCanonical', 'id'] : ['id']);
    const em = database.em();
    const [rows, total] = await Promise.all([
      em.find(OrganizationInvitation, { $and: [matching, where] }, options),
      page.wantsTotal ? em.count(OrganizationInvitation, matching) : undefined,
    ]);
    const positionOf = ({ emailCanonical, id }: OrganizationInvitation) =>
      page.sort === 'email' ? [emailCanonical, id] : [id];
    return { ...pageOf(rows, page, { show: (row) => row, positionOf }), total };
  }

  /** One that is kept, in whatever state. Throws invitations.not_found. */
  async require(organizationId: OrganizationId, id: OrganizationInvitationId): Promise<OrganizationInvitation> {
    const found = await this.#deps.database.em().findOne(OrganizationInvitation, { id, organizationId });
    if (found === null) throw invitationNotFound();
    return found;
  }

  /** As it is now: an open one that is too old has expired. */
  statusOf({ state, expiresAt }: OrganizationInvitation): InvitationStatus {
    return state === 'open' && expiresAt <= this.#deps.clock.now() ? 'expired' : state;
  }

  /** Removes those that were over a while ago, of all organizations. */
  async purge(batch = 5000): Promise<number> {
    const rows = await this.#deps.database.sql(
      `delete from organization_invitation where id in (select id from organization_invitation where expires_at < $1 limit $2)
       returning 1`,
      [fromNow(this.#deps.clock, -OVER_KEPT_FOR), batch],
    );
    return rows.length;
  }

  /** Checks before anything is locked: the organization, the roles, and how many mails it sent. */
  async #prepare(organizationId: OrganizationId, roles: readonly string[], by: By) {
    const organization = await this.#deps.organizations.require(organizationId);
    await this.#deps.roles.requireGivable(roles, organizationId, by);
    if (by.actor.type === 'operator') return organization;
    const taken = await this.#deps.throttle.consume(INVITATION_MAILS, organizationId);
    if (!taken.allowed) throw invitationsTooFast(taken.retryAfter);
    return organization;
  }

  async #act<T>(organizationId: OrganizationId, work: (em: EntityManager) => Promise<T>): Promise<T> {
    return this.#deps.database.transaction(async (em) => {
      const { status } = await lockOrganization(em, organizationId);
      if (status !== 'active') throw organizationInactive();
      return work(em);
    });
  }

  async #requireRoom(em: EntityManager, organizationId: OrganizationId): Promise<void> {
    const open = await em.count(OrganizationInvitation, { organizationId, state: 'open' });
    if (open >= MOST_OPEN_INVITATIONS) throw tooManyInvitations(MOST_OPEN_INVITATIONS);
  }

  async #requireOpen(
    em: EntityManager,
    organizationId: OrganizationId,
    id: OrganizationInvitationId,
  ): Promise<OrganizationInvitation> {
    const found = await em.findOne(OrganizationInvitation, { id, organizationId, state: 'open' }, { refresh: true });
    if (found === null) throw invitationNotFound();
    return found;
  }

  /**
   * An invitation to the instance has the same kind of link; this link names the invitation. Where a limit holds the mail back,
   * an earlier link goes on working.
   */
  async #send(
    em: EntityManager,
    invitation: OrganizationInvitation,
    told: { organization: string; inviter: string | null },
  ): Promise<void> {
    const { oneTimeSecrets, letters, urlOf } = this.#deps;
    const { id, email, language, expiresAt } = invitation;
    await oneTimeSecrets.issue(
      em,
      { purpose: 'invitation', holder: { invitation: id }, address: email, form: 'link', data: { invitation: id } },
      ({ link }) =>
        letters.send(
          invitedLetter,
          {
            kind: 'invitation',
            to: { address: email },
            language,
            expiresAt,
            context: { ...told, url: urlOf(`/invitation/${link ?? ''}`), days: LIFETIME / DAY },
          },
          em,
        ),
    );
  }

  async #nameOf({ actor }: By): Promise<string | null> {
    if (actor.type !== 'user') return null;
    const user = await this.#deps.users.findById(actor.id as UserId);
    return user?.profile.name ?? null;
  }
}

/** Members of events about an invitation. */
export function eventAbout(
  { id, organizationId, email, roles }: Pick<OrganizationInvitation, 'id' | 'organizationId' | 'email' | 'roles'>,
  by: By,
) {
  return {
    ...by,
    subject: { type: 'organization', id: organizationId },
    organizationId,
    details: { invitation_id: id, email, roles: [...roles] },
  };
}
