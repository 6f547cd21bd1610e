import type { By } from '#audit/module.ts';
import type { JoiningService } from '#directory/domains/module.ts';
import type { OrganizationId, OrganizationService } from '#directory/organizations/module.ts';
import type { UserId, UserService } from '#directory/users/module.ts';
import { AppError } from '#kernel/errors.ts';
import { parseId } from '#kernel/ids.ts';
import { MOST_SHOWN_REQUESTS } from '../limits.ts';
import type { ShownRequest } from './requests-view.ts';

const MAY_ANSWER = 'organization.members.manage';

export type JoinRequestsDependencies = {
  organizations: Pick<OrganizationService, 'findById'>;
  users: Pick<UserService, 'findById'>;
  joining: Pick<JoiningService, 'page' | 'countRequests' | 'approve' | 'refuse'>;
  /** Of the slice access. */
  effective: { mayOf(userId: UserId, organizationId: OrganizationId): Promise<NonNullable<By['may']>> };
};

/** The organization of the page, and the rights of its reader there. */
type Managed = { id: OrganizationId; name: string; may: NonNullable<By['may']> };

/** Requests to join organizations, for the users who may answer them. */
export class JoinRequests {
  readonly #deps: JoinRequestsDependencies;

  constructor(dependencies: JoinRequestsDependencies) {
    this.#deps = dependencies;
  }

  /** Null for an organization that does not exist, and for one where the user may not answer. */
  async findManaged(userId: UserId, text: string): Promise<Managed | null> {
    const id = parseId('org', text);
    if (id === null) return null;
    const may = await this.#deps.effective.mayOf(userId, id);
    if (!may(MAY_ANSWER, id)) return null;
    const organization = await this.#deps.organizations.findById(id);
    return organization && { id, name: organization.name, may };
  }

  /** The number of open requests to each of these organizations where the user may answer them. */
  async countFor(userId: UserId, ids: readonly OrganizationId[]): Promise<ReadonlyMap<OrganizationId, number>> {
    const may = await Promise.all(ids.map((id) => this.#deps.effective.mayOf(userId, id)));
    const managed = ids.filter((id, at) => may[at]!(MAY_ANSWER, id));
    return managed.length === 0 ? new Map() : this.#deps.joining.countRequests(managed);
  }

  async list({ id }: Managed): Promise<ShownRequest[]> {
    const { joining, users } = this.#deps;
    const page = { limit: MOST_SHOWN_REQUESTS, after: null, sort: 'created_at', isDescending: false } as const;
    const { items: open } = await joining.page(id, { ...page, wantsTotal: false });
    return Promise.all(
      open.map(async ({ userId, email, createdAt }) => {
        const user = await users.findById(userId);
        return { userId, name: user?.profile.name ?? null, email, askedAt: createdAt };
      }),
    );
  }

  /** `answered`: another administrator was first, or the user is gone. `not_allowed`: no user can join now, or not by this reader. */
  async answer(
    { id, may }: Managed,
    text: string,
    action: 'approve' | 'refuse',
    by: By,
  ): Promise<'done' | 'answered' | 'not_allowed'> {
    const userId = parseId('usr', text);
    if (userId === null) return 'answered';
    try {
      await this.#deps.joining[action](id, userId, { ...by, may });
      return 'done';
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === 'domains.join_request_not_found' || error.code === 'users.not_found') return 'answered';
      if (error.code === 'organizations.inactive' || error.code === 'access.permissions_not_held') return 'not_allowed';
      throw error;
    }
  }
}
