import type { By } from '#audit/module.ts';
import type { JoiningService } from '#directory/domains/module.ts';
import type { InvitedPeople } from '#directory/invitations/module.ts';
import type {
  MemberService,
  OrganizationCreators,
  OrganizationId,
  OrganizationService,
} from '#directory/organizations/module.ts';
import type { UserId, UserService } from '#directory/users/module.ts';
import { AppError } from '#kernel/errors.ts';
import type { JoinRequests } from './join-requests.ts';
import type { OwnInvitation, OwnOffer, OwnOrganization } from './organizations-view.ts';

export type OwnOrganizationsDependencies = {
  members: Pick<MemberService, 'organizationsOf' | 'leave'>;
  organizations: Pick<OrganizationService, 'createOwn' | 'findById'>;
  creators: Pick<OrganizationCreators, 'mayCreate'>;
  invitedPeople: Pick<InvitedPeople, 'listFor' | 'accept' | 'decline'>;
  users: Pick<UserService, 'findById'>;
  joinRequests: Pick<JoinRequests, 'countFor'>;
  joining: Pick<JoiningService, 'offerTo' | 'ask'>;
  /** Of the slice access; inherited ones included. */
  effective: { rolesOf(userId: UserId, organizationId: OrganizationId): Promise<readonly string[]> };
};

/** From the highest one down; a higher one includes those below. */
const builtIn = ['TENANT_OWNER', 'TENANT_ADMIN', 'TENANT_MANAGER', 'TENANT_USER'] as const;

/** A user's own organizations and invitations, for the account page. */
export class OwnOrganizations {
  readonly #deps: OwnOrganizationsDependencies;

  constructor(dependencies: OwnOrganizationsDependencies) {
    this.#deps = dependencies;
  }

  async list(userId: UserId): Promise<OwnOrganization[]> {
    const found = await this.#deps.members.organizationsOf(userId);
    const requests = await this.#deps.joinRequests.countFor(
      userId,
      found.map(({ id }) => id),
    );
    return Promise.all(
      found.map(async ({ id, name, status }) => {
        const held = await this.#deps.effective.rolesOf(userId, id);
        const highest = builtIn.find((role) => held.includes(role)) ?? null;
        return {
          id,
          name,
          status,
          role: highest,
          roles: held.filter((role) => !builtIn.some((each) => each === role)),
          requests: requests.get(id) ?? 0,
        };
      }),
    );
  }

  async find(userId: UserId, id: string): Promise<{ id: OrganizationId; name: string } | null> {
    return (await this.#deps.members.organizationsOf(userId)).find((each) => each.id === id) ?? null;
  }

  /** Whether the page has anything for this user. */
  async isOffered(userId: UserId): Promise<boolean> {
    if ((await this.#deps.members.organizationsOf(userId)).length > 0) return true;
    if ((await this.#deps.invitedPeople.listFor(userId)).length > 0 || (await this.mayCreate(userId))) return true;
    return (await this.findOffer(userId)) !== null;
  }

  async listInvitations(userId: UserId): Promise<OwnInvitation[]> {
    const found = await this.#deps.invitedPeople.listFor(userId);
    return found.map(({ id, organization, email, expiresAt }) => ({ id, organization, email, expiresAt }));
  }

  /** The organization that the email address of the user lets them ask to join. */
  async findOffer(userId: UserId): Promise<OwnOffer | null> {
    const { users, joining, organizations } = this.#deps;
    const user = await users.findById(userId);
    const offer = user && (await joining.offerTo(user));
    if (!offer || offer.state === 'refused') return null;
    const organization = await organizations.findById(offer.organizationId);
    return organization?.status === 'active'
      ? { organization: organization.name, isAsked: offer.state === 'asked' }
      : null;
  }

  /** Nothing is asked where nothing is offered. */
  async ask(userId: UserId, by: By): Promise<void> {
    const user = await this.#deps.users.findById(userId);
    const offer = user && (await this.#deps.joining.offerTo(user));
    if (user && offer?.state === 'none') await this.#deps.joining.ask(user, offer.organizationId, by);
  }

  async mayCreate(userId: UserId): Promise<boolean> {
    return this.#deps.creators.mayCreate(userId);
  }

  async accept(userId: UserId, id: string, by: By): Promise<boolean> {
    return (await this.#deps.invitedPeople.accept(id, userId, by)) === 'joined';
  }

  async decline(userId: UserId, id: string, by: By): Promise<boolean> {
    return this.#deps.invitedPeople.decline(id, userId, by);
  }

  /** A member who is none any more has left. */
  async leave(userId: UserId, id: OrganizationId, by: By): Promise<'left' | 'last_owner'> {
    const outcomes = { 'organizations.last_owner': 'last_owner', 'organizations.member_not_found': 'left' } as const;
    return outcomeOf(outcomes, async () => {
      await this.#deps.members.leave(id, userId, by);
      return 'left';
    });
  }

  async create(userId: UserId, name: string, by: By): Promise<'created' | 'invalid' | 'refused'> {
    const outcomes = {
      'organizations.invalid': 'invalid',
      'organizations.creation_refused': 'refused',
      'organizations.too_many': 'refused',
    } as const;
    return outcomeOf(outcomes, async () => {
      await this.#deps.organizations.createOwn(userId, { name }, by);
      return 'created';
    });
  }
}

/** The answer of `work`, or the word for the error that it throws. */
async function outcomeOf<T extends string, W extends string>(
  words: Readonly<Record<string, W>>,
  work: () => Promise<T>,
): Promise<T | W> {
  try {
    return await work();
  } catch (error) {
    const word = error instanceof AppError ? words[error.code] : undefined;
    if (word === undefined) throw error;
    return word;
  }
}
