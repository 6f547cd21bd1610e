import { type AuditLog, type By, byUser } from '#audit/module.ts';
import { type OneTimeSecrets, secretLifetimes } from '#credentials/module.ts';
import { fromNow, DAY, type Clock } from '#kernel/clock.ts';
import { type InvitedPeople, isOver, type OpenInvitation } from '#directory/invitations/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { instance, type Policies } from '#settings/module.ts';
import {
  canonicalEmail,
  newCanonicalEmail,
  type Role,
  type RoleHolders,
  type UserService,
} from '#directory/users/module.ts';
import type { Applications, Refusal, Wish } from './applications.ts';
import { invitationInvalid, invitationRefused, registrationClosed } from './errors.ts';
import { invitationLetter } from './registration-letters.ts';
import type { NewAccounts, Newcomer } from './new-accounts.ts';
import { userInvited } from '#directory/users/events.ts';

type Invitation = { email: string; language: Language; roles?: readonly Role[] };

/** `organization`: the invitation is to an organization, which the new account joins. */
type Found = { email: string; organization: OpenInvitation | null };

type AcceptOutcome = { kind: 'created' } | { kind: 'expired' } | { kind: 'taken' } | Refusal;

export type InvitationDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  users: Pick<UserService, 'findByIdentifier'>;
  roleHolders: Pick<RoleHolders, 'requireGivable'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'consumeLink' | 'findByLink'>;
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
  async invite({ email, language, roles = [] }: Invitation, by: By): Promise<void> {
    const { users, policies, database, roleHolders } = this.#deps;
    roleHolders.requireGivable(roles, by);
    const emailCanonical = newCanonicalEmail(email);
    if (policies.for(instance).registration.mode === 'closed') throw registrationClosed();
    if (emailCanonical === null) throw invitationInvalid(email);
    if ((await users.findByIdentifier(email)) !== null) throw invitationRefused(email);
    await database.transaction((em) => this.#send(em, { email: email.trim(), language, roles }, by));
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

  async #send(em: EntityManager, { email, language, roles }: Required<Invitation>, by: By) {
    const { clock, oneTimeSecrets, letters, audit, urlOf } = this.#deps;
    const administrator = roles.includes('administrator');
    const { link } = await oneTimeSecrets.issue(em, {
      purpose: 'invitation',
      holder: { emailCanonical: canonicalEmail(email) ?? '' },
      address: email,
      form: 'link',
      data: { administrator },
    });
    await letters.send(
      invitationLetter,
      {
        kind: 'invitation',
        to: { address: email },
        language,
        expiresAt: fromNow(clock, LIFETIME),
        context: { url: urlOf(`/invitation/${link ?? ''}`), days: LIFETIME / DAY },
      },
      em,
    );
    const details = { email, administrator };
    await audit.record(em, userInvited({ ...by, details }));
  }
}
