import type { AuditLog, By } from '#audit/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { lockUser, type UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { alreadyMember, memberNotFound, organizationInactive } from './errors.ts';
import { organizationMemberAdded, organizationMemberLeft, organizationMemberRemoved } from './events.ts';
import { BEFORE_EVERY_ID } from './limits.ts';
import type { MemberRoles } from './member-roles.ts';
import { lockOrganization } from './organization-lock.ts';
import type { MemberSource, Organization, OrganizationId, OrganizationStatus } from './organization.ts';

type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  roles: MemberRoles;
};

/** A page of members; the next one begins after the last id. */
type MemberPage = { limit: number; after?: UserId | undefined };
export type Member = {
  userId: UserId;
  email: string | null;
  username: string | null;
  name: string | null;
  source: MemberSource;
  createdAt: Date;
  /** Names of roles, without inherited roles and roles of groups. */
  roles: readonly string[];
};
type MemberRow = Omit<Member, 'userId' | 'roles'> & { userId: string };
const MEMBER = `select m.user_id as "userId", u.email, u.username, u.profile->>'name' as name, m.source, m.created_at as "createdAt"
  from organization_member m join users u on u.id = m.user_id where m.organization_id = $1`;
/** An organization, as its members see it in a list. */
export type OwnOrganization = Pick<Organization, 'id' | 'slug' | 'name' | 'status'>;

/** The members of organizations: adds, removes and lists them. */
export class MemberService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Whatever the state of the organization is. */
  async isMember(organizationId: OrganizationId, userId: UserId): Promise<boolean> {
    const rows = await this.#deps.database.sql(
      'select 1 from organization_member where organization_id = $1 and user_id = $2',
      [toUuid(organizationId), toUuid(userId)],
    );
    return rows.length > 0;
  }

  /** The organizations of a user, in whatever state, by name. */
  async organizationsOf(userId: UserId): Promise<OwnOrganization[]> {
    const rows = await this.#deps.database.sql<{ id: string; slug: string; name: string; status: OrganizationStatus }>(
      `select o.id, o.slug, o.name, o.status from organization_member m join organization o on o.id = m.organization_id
       where m.user_id = $1 order by lower(o.name), o.id`,
      [toUuid(userId)],
    );
    return rows.map((row) => ({ ...row, id: fromUuid('org', row.id) }));
  }

  /** In the order of the ids of users. */
  async listMembers(organizationId: OrganizationId, { limit, after }: MemberPage): Promise<Member[]> {
    const rows = await this.#deps.database.sql<MemberRow>(`${MEMBER} and m.user_id > $2 order by m.user_id limit $3`, [
      toUuid(organizationId),
      after === undefined ? BEFORE_EVERY_ID : toUuid(after),
      limit,
    ]);
    return this.#withRoles(organizationId, rows);
  }

  /** Throws organizations.member_not_found. */
  async require(organizationId: OrganizationId, userId: UserId): Promise<Member> {
    const [row] = await this.#deps.database.sql<MemberRow>(`${MEMBER} and m.user_id = $2`, [
      toUuid(organizationId),
      toUuid(userId),
    ]);
    if (!row) throw memberNotFound();
    const [member] = await this.#withRoles(organizationId, [row]);
    return member!;
  }

  async #withRoles(organizationId: OrganizationId, rows: readonly MemberRow[]): Promise<Member[]> {
    const members = rows.map((row) => ({ ...row, userId: fromUuid('usr', row.userId) }));
    const ids = members.map(({ userId }) => userId);
    const roles = await this.#deps.roles.namesOf(organizationId, ids);
    return members.map((member) => ({ ...member, roles: roles.get(member.userId) ?? [] }));
  }

  /** In a transaction of its own; `addIn` takes part in one. */
  async add(
    organizationId: OrganizationId,
    userId: UserId,
    roles: readonly string[],
    source: MemberSource,
    by: By,
  ): Promise<void> {
    await this.#deps.roles.requireGivable(roles, organizationId, by);
    await this.#deps.database.transaction((em) => this.addIn(em, organizationId, userId, roles, source, by));
  }

  /**
   * Adds a member with roles, which the caller has checked by `requireGivable`. The organization is active.
   * Throws organizations.not_found, organizations.inactive, organizations.already_member, users.not_found.
   */
  async addIn(
    em: EntityManager,
    organizationId: OrganizationId,
    userId: UserId,
    roles: readonly string[],
    source: MemberSource,
    by: By,
  ): Promise<void> {
    const { status } = await lockOrganization(em, organizationId);
    if (status !== 'active') throw organizationInactive();
    if (!(await lockUser(em, userId))) throw userNotFound();
    if (!(await this.#insert(em, organizationId, userId, source))) throw alreadyMember();
    await this.#deps.roles.grant(em, organizationId, userId, roles, by);
    await this.#recordAdded(em, organizationId, userId, { source, roles: [...roles] }, by);
  }

  /** The first member of a new organization, who owns it. */
  async addOwner(em: EntityManager, organizationId: OrganizationId, userId: UserId, by: By): Promise<void> {
    await this.#insert(em, organizationId, userId, 'created');
    await this.#deps.roles.grantOnCreate(em, organizationId, userId);
    await this.#recordAdded(em, organizationId, userId, { source: 'created', roles: [] }, by);
  }

  /** Throws organizations.not_found, organizations.member_not_found, organizations.last_owner, access.permissions_not_held. */
  async remove(organizationId: OrganizationId, userId: UserId, by: By): Promise<void> {
    await this.#deps.roles.requireRightsOver(organizationId, userId, by);
    await this.#end(organizationId, userId, organizationMemberRemoved, by);
  }

  /** The user's own act. Throws organizations.not_found, organizations.member_not_found, organizations.last_owner. */
  async leave(organizationId: OrganizationId, userId: UserId, by: By): Promise<void> {
    await this.#end(organizationId, userId, organizationMemberLeft, by);
  }

  async #end(
    organizationId: OrganizationId,
    userId: UserId,
    type: typeof organizationMemberRemoved,
    by: By,
  ): Promise<void> {
    const { database, audit, roles } = this.#deps;
    await database.transaction(async (em) => {
      await lockOrganization(em, organizationId);
      await roles.keepingOwner(em, organizationId, async () => {
        const removed = await em.execute<unknown[]>(
          'delete from organization_member where organization_id = ? and user_id = ? returning 1',
          [toUuid(organizationId), toUuid(userId)],
        );
        if (removed.length === 0) throw memberNotFound();
        await roles.removeAll(em, organizationId, userId);
      });
      await audit.record(em, type({ ...by, subject: { type: 'user', id: userId }, organizationId }));
    });
  }

  async #insert(
    em: EntityManager,
    organizationId: OrganizationId,
    userId: UserId,
    source: MemberSource,
  ): Promise<boolean> {
    const added = await em.execute<unknown[]>(
      `insert into organization_member (organization_id, user_id, source, created_at) values (?, ?, ?, ?)
       on conflict (organization_id, user_id) do nothing returning 1`,
      [toUuid(organizationId), toUuid(userId), source, this.#deps.clock.now()],
    );
    return added.length > 0;
  }

  async #recordAdded(
    em: EntityManager,
    organizationId: OrganizationId,
    userId: UserId,
    details: { source: MemberSource; roles: string[] },
    by: By,
  ): Promise<void> {
    const subject = { type: 'user', id: userId };
    await this.#deps.audit.record(em, organizationMemberAdded({ ...by, subject, organizationId, details }));
  }
}
