import { type AuditLog, type By, byUser } from '#audit/module.ts';
import {
  type InvitationFilters,
  type InvitationId,
  type OneTimeSecrets,
  type OpenInstanceInvitation,
  type OpenInvitations,
  secretLifetimes,
} from '#credentials/module.ts';
import { fromNow, DAY, type Clock } from '#kernel/clock.ts';
import { type InvitedPeople, isOver, type OpenInvitation } from '#directory/invitations/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import { defaultLanguage, languages, type Language } from '#kernel/i18n.ts';
import type { Page, PageRequest } from '#kernel/operations/list-operation.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { instance, type Policies } from '#settings/module.ts';
import { newCanonicalEmail, type Role, type RoleHolders, type UserService } from '#directory/users/module.ts';
import type { Applications, Refusal, Wish } from './applications.ts';
import { registrationClosed } from '#directory/users/errors.ts';
import { invitationInvalid, invitationNotFound, invitationRefused } from './errors.ts';
import { userInvitationRevoked } from './events.ts';
import { invitationLetter } from './registration-letters.ts';
import type { NewAccounts, Newcomer } from './new-accounts.ts';
import { userInvited } from '#directory/users/events.ts';

type Invitation = { email: string; language: Language; roles?: readonly Role[] };

/** As an operator sees it, until it is used. */
export type InstanceInvitation = Pick<OpenInstanceInvitation, 'id' | 'createdAt' | 'expiresAt'> & {
  email: string;
  language: Language;
  roles: readonly Role[];
};

/** `organization`: the invitation is to an organization, which the new account joins. */
type Found = { email: string; organization: OpenInvitation | null };

type AcceptOutcome = { kind: 'created' } | { kind: 'expired' } | { kind: 'taken' } | Refusal;

export type InvitationDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  users: Pick<UserService, 'findByIdentifier'>;
  roleHolders: Pick<RoleHolders, 'requireGivable'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'consumeLink' | 'findByLink'>;
  openInvitations: Pick<OpenInvitations, 'page' | 'find' | 'findLast' | 'renew' | 'end'>;
  applications: Applications;
  accounts: NewAccounts;
  /** Invitations to organizations, whose links are of the same kind. */
  invitedPeople: Pick<InvitedPeople, 'findOpen' | 'acceptIn'>;
  letters: Pick<Letters, 'send'>;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'registration'>;
  urlOf(path: string): string;
};

/** As long as the link works (one-time/one-time-secret.ts). */
const LIFETIME = secretLifetimes.invitation;

/** Of one address, whatever the others are. */
const refusals: ReadonlySet<string> = new Set(['registration.invitation_refused', 'registration.invitation_invalid']);

/** Revoked or accepted while the form was read: the account is not made. */
class OverMeanwhile extends Error {}

/** Links with which the operator invites users. They verify the address, since only its owner receives them. */
export class InvitationService {
  readonly #deps: InvitationDependencies;

  constructor(dependencies: InvitationDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Sends a link; an earlier one to the same address stops working.
   * Throws registration.closed, .invitation_refused, .invitation_invalid, users.role_not_held.
   */
  async invite({ email, language, roles = [] }: Invitation, by: By): Promise<InstanceInvitation> {
    const { users, policies, database, roleHolders } = this.#deps;
    roleHolders.requireGivable(roles, by);
    const emailCanonical = newCanonicalEmail(email);
    if (policies.for(instance).registration.mode === 'closed') throw registrationClosed();
    if (emailCanonical === null) throw invitationInvalid(email);
    if ((await users.findByIdentifier(email)) !== null) throw invitationRefused(email);
    return database.transaction(async (em) => {
      const wanted = { email: email.trim(), language, roles };
      const { link } = await this.#deps.oneTimeSecrets.issue(em, {
        purpose: 'invitation',
        holder: { emailCanonical },
        address: wanted.email,
        form: 'link',
        data: { administrator: roles.includes('administrator'), language },
      });
      await this.#send(em, wanted, link ?? '', by);
      return shown(present(await this.#deps.openInvitations.findLast(em, emailCanonical)));
    });
  }

  /** A page of those that were not used. */
  async page(filters: InvitationFilters, page: PageRequest<'created_at' | 'email'>): Promise<Page<InstanceInvitation>> {
    const { items, ...others } = await this.#deps.openInvitations.page(filters, page);
    return { ...others, items: items.map(shown) };
  }

  /** One that was not used, too old or not. Throws registration.invitation_not_found. */
  async require(id: InvitationId): Promise<InstanceInvitation> {
    return shown(present(await this.#deps.openInvitations.find(id)));
  }

  /**
   * Sends a new link for another seven days; the old one stops working. From now on the sender vouches for its rights.
   * Throws registration.invitation_not_found, registration.closed, registration.invitation_refused, users.role_not_held.
   */
  async resend(id: InvitationId, by: By): Promise<InstanceInvitation> {
    const { database, openInvitations, roleHolders, users } = this.#deps;
    const { email, language, roles } = await this.require(id);
    roleHolders.requireGivable(roles, by);
    if (this.isClosed()) throw registrationClosed();
    if ((await users.findByIdentifier(email)) !== null) throw invitationRefused(email);
    return database.transaction(async (em) => {
      const renewed = await openInvitations.renew(em, id);
      if (renewed === null) throw invitationNotFound();
      await this.#send(em, { email, language, roles }, renewed.link, by);
      return shown(present(await openInvitations.find(id, em)));
    });
  }

  /** Its link stops working. Throws registration.invitation_not_found. */
  async revoke(id: InvitationId, by: By): Promise<void> {
    const { audit, database, openInvitations } = this.#deps;
    const { email, roles } = await this.require(id);
    await database.transaction(async (em) => {
      if (!(await openInvitations.end(em, id))) throw invitationNotFound();
      await audit.record(
        em,
        userInvitationRevoked({ ...by, details: { email, administrator: roles.includes('administrator') } }),
      );
    });
  }

  /** The same for an address that may have an account by now. Throws registration.closed. */
  async offer(invitation: Invitation, by: By): Promise<'invited' | 'refused'> {
    try {
      await this.invite(invitation, by);
      return 'invited';
    } catch (error) {
      if (error instanceof AppError && refusals.has(error.code)) return 'refused';
      throw error;
    }
  }

  /** The invitation of a link that still can make an account; null if it is unknown, used or expired. */
  async find(link: string): Promise<Found | null> {
    const secret = this.isClosed() ? null : await this.#deps.oneTimeSecrets.findByLink('invitation', link);
    if (secret === null) return null;
    const { invitation: named } = secret.data;
    const organization = named === undefined ? null : await this.#deps.invitedPeople.findOpen(named);
    return named !== undefined && organization === null ? null : { email: secret.address, organization };
  }

  /** The id of the invitation to an organization for which a link was sent, whatever became of it; null for any other link. */
  async findOrganizational(link: string): Promise<string | null> {
    const secret = await this.#deps.oneTimeSecrets.findByLink('invitation', link);
    const named = secret?.data['invitation'];
    return typeof named === 'string' ? named : null;
  }

  /** Whether an invitation makes no account either. */
  isClosed(): boolean {
    return this.#deps.policies.for(instance).registration.mode === 'closed';
  }

  /** Creates the account. Address and rights come from the invitation, whatever the form says. */
  async accept(uid: string, link: string, wish: Omit<Wish, 'email'>, newcomer: Newcomer): Promise<AcceptOutcome> {
    const { database, oneTimeSecrets, applications, accounts, invitedPeople } = this.#deps;
    const invitation = await this.find(link);
    if (invitation === null) return { kind: 'expired' };
    const prepared = await applications.prepare({ ...wish, email: invitation.email }, newcomer.by.visitor?.ip);
    if (prepared.kind !== 'prepared') return prepared;
    try {
      return await database.transaction(async (em) => {
        const secret = await oneTimeSecrets.consumeLink(em, { purpose: 'invitation', link });
        if (secret === null) return { kind: 'expired' };
        const roles: readonly Role[] = secret.data['administrator'] === true ? ['administrator'] : [];
        const wanted = { ...prepared.application, email: secret.address, roles };
        const userId = await accounts.create(em, uid, wanted, newcomer);
        const { organization } = invitation;
        if (organization === null) return { kind: 'created' };
        const { visitor, clientId } = newcomer.by;
        const outcome = await invitedPeople.acceptIn(em, organization, userId, byUser(userId, visitor, clientId));
        if (outcome !== 'joined') throw new OverMeanwhile();
        return { kind: 'created' };
      });
    } catch (error) {
      if (error instanceof OverMeanwhile || isOver(error)) return { kind: 'expired' };
      if (error instanceof AppError && error.code === 'users.email_taken') return { kind: 'taken' };
      throw error;
    }
  }

  async #send(em: EntityManager, { email, language, roles }: Required<Invitation>, link: string, by: By) {
    const { clock, letters, audit, urlOf } = this.#deps;
    const administrator = roles.includes('administrator');
    await letters.send(
      invitationLetter,
      {
        kind: 'invitation',
        to: { address: email },
        language,
        expiresAt: fromNow(clock, LIFETIME),
        context: { url: urlOf(`/invitation/${link}`), days: LIFETIME / DAY },
      },
      em,
    );
    const details = { email, administrator };
    await audit.record(em, userInvited({ ...by, details }));
  }
}

/** Throws registration.invitation_not_found. */
function present(invitation: OpenInstanceInvitation | null): OpenInstanceInvitation {
  if (invitation === null) throw invitationNotFound();
  return invitation;
}

const isLanguage = (text: string): text is Language => Object.hasOwn(languages, text);

function shown({ address, data, ...others }: OpenInstanceInvitation): InstanceInvitation {
  const language = String(data['language'] ?? '');
  return {
    ...others,
    email: address,
    // One of an earlier version says none.
    language: isLanguage(language) ? language : defaultLanguage,
    roles: data['administrator'] === true ? ['administrator'] : [],
  };
}
