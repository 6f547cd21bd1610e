import type { AuditLog, By } from '#audit/module.ts';
import { lockOrganization } from '#directory/organizations/organization-lock.ts';
import type { OrganizationId } from '#directory/organizations/organization.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { roleAssigned, roleUnassigned } from './events.ts';
import { onlyOwnedBy } from './owners.ts';

type Dependencies = { clock: Clock; database: Pick<Database, 'sql'>; audit: Pick<AuditLog, 'record'> };
/** `giver`: the id of the connection that asserts the roles of a member. */
type RoleSource = { organizationId: OrganizationId; userId: UserId; giver: string };
type Given = { id: string; roleId: string; name: string };

/** Roles that an identity provider asserts about members. An assignment names its giver, so that roles which others gave stay. */
export class FollowedRoles {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The names of the roles that the giver gave. */
  async givenBy({ organizationId, userId, giver }: RoleSource): Promise<readonly string[]> {
    const rows = await this.#deps.database.sql<{ name: string }>(
      `select r.name from role_assignment a join role r on r.id = a.role_id
       where a.user_id = $1 and a.organization_id = $2 and a.created_by = $3 order by r.name`,
      [toUuid(userId), toUuid(organizationId), giver],
    );
    return rows.map(({ name }) => name);
  }

  /**
   * Gives a member the asserted roles, and takes those that the giver gave before and asserts no more. The last owner keeps all. A name
   * that no role has any more is left aside.
   */
  async follow(em: EntityManager, source: RoleSource, roles: readonly string[], by: By): Promise<void> {
    const { organizationId, userId, giver } = source;
    await lockOrganization(em, organizationId);
    const place = [toUuid(organizationId), toUuid(userId)];
    const wanted = await rolesNamed(em, organizationId, roles);
    const given = await em.execute<Given[]>(
      `select a.id, a.role_id as "roleId", r.name from role_assignment a join role r on r.id = a.role_id
       where a.organization_id = ? and a.user_id = ? and a.created_by = ?`,
      [...place, giver],
    );
    const gone = given.filter(({ roleId }) => !wanted.some((role) => role.roleId === roleId));
    const isLastOwner = gone.length > 0 && (await onlyOwnedBy(em, userId)).some(({ id }) => id === organizationId);
    for (const assignment of isLastOwner ? [] : gone) {
      await em.execute('delete from role_assignment where organization_id = ? and id = ?', [place[0], assignment.id]);
      await this.#deps.audit.record(em, roleUnassigned(this.#recorded(source, assignment, by)));
    }
    for (const role of wanted) {
      const id = toUuid(newId('ras'));
      const added = await em.execute<unknown[]>(
        `insert into role_assignment (id, organization_id, user_id, role_id, created_by, created_at)
         values (?, ?, ?, ?, ?, ?) on conflict do nothing returning 1`,
        [id, ...place, role.roleId, giver, this.#deps.clock.now()],
      );
      if (added.length > 0)
        await this.#deps.audit.record(em, roleAssigned(this.#recorded(source, { ...role, id }, by)));
    }
  }

  #recorded({ organizationId, userId }: RoleSource, { id, roleId, name }: Given, by: By) {
    return {
      ...by,
      subject: { type: 'user', id: userId },
      organizationId,
      details: {
        assignment_id: fromUuid('ras', id),
        role_id: fromUuid('rol', roleId),
        role: name,
        expires_at: null,
      },
    };
  }
}

/** A role of the instance goes before one of the organization with its name. */
async function rolesNamed(
  em: EntityManager,
  organizationId: RoleSource['organizationId'],
  names: readonly string[],
): Promise<Omit<Given, 'id'>[]> {
  if (names.length === 0) return [];
  return em.execute(
    `select distinct on (name) id as "roleId", name from role where (organization_id is null or organization_id = ?)
     and name in (${names.map(() => '?').join(', ')}) order by name, organization_id nulls first`,
    [toUuid(organizationId), ...names],
  );
}
