import type { AuditLog, By } from '#audit/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { lockUser, type UserId, type UserStatus } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { beginningWith, type Page, type PageRequest } from '#kernel/operations/list-operation.ts';
import { readSqlPage, sqlFilters } from '#kernel/operations/sql-page.ts';
import { alreadyMember, memberNotFound, organizationInactive } from './errors.ts';
import {
  organizationMemberAdded,
  organizationMemberChanged,
  organizationMemberLeft,
  organizationMemberRemoved,
} from './events.ts';
import type { MemberRoles } from './member-roles.ts';
import { requireMembership } from './membership.ts';
import { lockOrganization } from './organization-lock.ts';
import type { Organization, OrganizationId } from './organization.ts';
import type { MemberSource, OrganizationStatus } from './statuses.ts';

type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  roles: MemberRoles;
};

/** `search`: the beginning of the name, the email address or the username. */
type MemberFilters = {
  role?: string | undefined;
  search?: string | undefined;
  status?: UserStatus | undefined;
  source?: MemberSource | undefined;
};
export type Member = {
  userId: UserId;
  email: string | null;
  username: string | null;
  name: string | null;
  /** Of the user. */
  status: UserStatus;
  source: MemberSource;
  createdAt: Date;
  /** Names of roles, without inherited roles and roles of groups. */
  roles: readonly string[];
};
type MemberRow = Omit<Member, 'userId' | 'roles'> & { userId: string };
const COLUMNS = `m.user_id as "userId", u.email, u.username, u.profile->>'name' as name, u.status, m.source,
  m.created_at as "createdAt"`;
const selectMembers = (what: string): string =>
  `select ${what} from organization_member m join users u on u.id = m.user_id where m.organization_id = $1`;
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

  /** A page of the organizations of a user, in whatever state. */
  async organizationsPage(
    userId: UserId,
    { status }: { status?: OrganizationStatus | undefined },
    page: PageRequest<'name' | 'joined_at'>,
  ): Promise<Page<OwnOrganization>> {
    const { condition, values } = sqlFilters([toUuid(userId)], ['o.status =', status]);
    return readSqlPage<OwnOrganization, OwnOrganization>(this.#deps.database, page, {
      statement: (what) =>
        `select ${what} from organization_member m join organization o on o.id = m.organization_id
         where m.user_id = $1 and ${condition}`,
      values,
      columns: 'o.id, o.slug, o.name, o.status',
      order: [page.sort === 'name' ? 'lower(o.name)' : 'm.created_at', 'o.id'],
      show: (row) => ({ ...row, id: fromUuid('org', row.id) }),
    });
  }

  /** A page of the members that match. */
  async page(
    organizationId: OrganizationId,
    { role, search, status, source }: MemberFilters,
    page: PageRequest<'joined_at' | 'user_id'>,
  ): Promise<Page<Member>> {
    const { clock, database, roles } = this.#deps;
    const { condition, values } = sqlFilters(
      [toUuid(organizationId)],
      ['u.status =', status],
      ['m.source =', source],
      [(name, time) => roles.holding('m.user_id', name, time), role, clock.now()],
      [
        (text) => `(u.profile->>'name' ilike ${text} or u.email ilike ${text} or u.username ilike ${text})`,
        search && beginningWith(search),
      ],
    );
    const { items, ...others } = await readSqlPage<MemberRow, MemberRow>(database, page, {
      statement: (what) => `${selectMembers(what)} and ${condition}`,
      values,
      columns: COLUMNS,
      order: page.sort === 'joined_at' ? ['m.created_at', 'm.user_id'] : ['m.user_id'],
      show: (row) => row,
    });
    return { ...others, items: await this.#withRoles(organizationId, items) };
  }

  /** Throws organizations.member_not_found. */
  async require(organizationId: OrganizationId, userId: UserId): Promise<Member> {
    const [row] = await this.#deps.database.sql<MemberRow>(`${selectMembers(COLUMNS)} and m.user_id = $2`, [
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

  /**
   * Makes these the roles of a member. Throws organizations.not_found, organizations.member_not_found, organizations.last_owner,
   * roles.not_found, access.permissions_not_held.
   */
  async changeRoles(organizationId: OrganizationId, userId: UserId, roles: readonly string[], by: By): Promise<void> {
    await this.#deps.roles.requireRightsOver(organizationId, userId, by);
    await this.#deps.database.transaction(async (em) => {
      await lockOrganization(em, organizationId);
      await requireMembership(em, organizationId, userId);
      const { before, after } = await this.#deps.roles.set(em, organizationId, userId, roles, by);
      if (before.join(' ') === after.join(' ')) return;
      const details = { before: [...before], after: [...after] };
      const subject = { type: 'user', id: userId };
      await this.#deps.audit.record(em, organizationMemberChanged({ ...by, subject, organizationId, details }));
    });
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
