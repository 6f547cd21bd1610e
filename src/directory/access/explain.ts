import type { By } from '#audit/module.ts';
import { requireMembership } from '#directory/organizations/membership.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { type Place, placeUuid } from './access-scope.ts';
import type { Effective } from './access-check.ts';
import type { AssignmentId, Subject } from './assignment-service.ts';
import type { GroupId } from './group-service.ts';
import { MOST_WAYS } from './limits.ts';
import { expanded, isOfOrganizations, permissions } from './permission.ts';
import type { RoleId } from './role-service.ts';
import { stepsAbove, texts, uuids, waysFrom } from './role-graph.ts';

type Named<Id> = { id: Id; name: string };
/** One way by which a permission comes to a subject: from the assignment to the role that carries it. */
export type Way = {
  assignmentId: AssignmentId;
  /** Null: the assignment is on the instance. */
  organizationId: Place;
  expiresAt: Date | null;
  /** From the group that the user is in, to the group with the assignment; empty for an assignment of the subject itself. */
  groups: readonly Named<GroupId>[];
  /** From the assigned role to the role that carries the permission. */
  roles: readonly Named<RoleId>[];
};

type Dependencies = { clock: Clock; database: Pick<Database, 'em'>; effective: Effective };
type Holder = Exclude<Subject, { kind: 'group' }>;
type Row = {
  id: string;
  groupId: string | null;
  roleId: string;
  organizationId: string | null;
  expiresAt: Date | null;
};

/** Answers by which assignments, groups and roles permissions come. */
export class Explanations {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * Whether a subject has a permission in a place now, and the ways by which it comes, also where the subject is disabled. Ways by
   * assignments on the instance are for readers of these. Throws organizations.member_not_found.
   */
  async explain(
    permission: string,
    subject: Holder,
    place: Place,
    by: By,
  ): Promise<{ allowed: boolean; ways: readonly Way[] }> {
    const { effective } = this.#deps;
    if (subject.kind === 'user' && place !== null) await requireMembership(this.#deps.database.em(), place, subject.id);
    const held =
      subject.kind === 'user'
        ? await effective.permissionsOf(subject.id, place)
        : await effective.permissionsOfClient(subject.id, place);
    const ways = await this.#waysTo(permission, subject, place);
    const seesInstance = by.may?.('access.read') === true;
    return {
      allowed: held.has(permission),
      ways: ways.filter(({ organizationId }) => organizationId !== null || seesInstance).slice(0, MOST_WAYS),
    };
  }

  /** Assignments on the instance count in every organization, for permissions of organizations. */
  async #waysTo(permission: string, subject: Holder, place: Place): Promise<Way[]> {
    const em = this.#deps.database.em();
    const own = subject.kind === 'user' ? await groupsOf(em, toUuid(subject.id)) : [];
    const groups = await stepsAbove(em, 'group', own);
    const groupWays = waysFrom(own, groups);
    const assignments = await em.execute<Row[]>(
      `select a.id, a.group_id as "groupId", a.role_id as "roleId", a.organization_id as "organizationId",
         a.expires_at as "expiresAt" from role_assignment a
       where (a.user_id = ?::uuid or a.client_id = ? or a.group_id = any(?::uuid[]))
       and (a.organization_id is null or a.organization_id = ?::uuid) and (a.expires_at is null or a.expires_at > ?)
       order by a.id`,
      [
        subject.kind === 'user' ? toUuid(subject.id) : null,
        subject.kind === 'client' ? subject.id : null,
        uuids([...groupWays.keys()]),
        placeUuid(place),
        this.#deps.clock.now(),
      ],
    );
    const assigned = assignments.map(({ roleId }) => roleId);
    const roles = await stepsAbove(em, 'role', assigned);
    const isEverywhere = place === null || permission.startsWith('organization.');
    const [local, everywhere] = await Promise.all([
      carriersOf(em, isOfOrganizations(permission) ? [permission] : [], [...roles.keys()]),
      carriersOf(em, isEverywhere ? including(permission) : [], [...roles.keys()]),
    ]);
    const ways = assignments.flatMap((assignment) =>
      [...waysFrom([assignment.roleId], roles)]
        .filter(([roleId]) => (assignment.organizationId === null ? everywhere : local).has(roleId))
        .map(([, way]) => wayOf(assignment, { groups, groupWays, roles, way })),
    );
    return ways;
  }
}

async function groupsOf(em: EntityManager, userUuid: string): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    'select group_id as id from user_group_member where user_id = ? order by group_id',
    [userUuid],
  );
  return rows.map(({ id }) => id);
}

async function carriersOf(
  em: EntityManager,
  permissions: readonly string[],
  roleIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await em.execute<{ id: string }[]>(
    'select id from role where id = any(?::uuid[]) and permissions && ?::text[]',
    [uuids(roleIds), texts(permissions)],
  );
  return new Set(rows.map(({ id }) => id));
}

type Graph = {
  groups: ReadonlyMap<string, { name: string }>;
  groupWays: ReadonlyMap<string, readonly string[]>;
  roles: ReadonlyMap<string, { name: string }>;
  way: readonly string[];
};

function wayOf({ id, groupId, organizationId, expiresAt }: Row, { groups, groupWays, roles, way }: Graph): Way {
  const through = groupId === null ? [] : (groupWays.get(groupId) ?? []);
  return {
    assignmentId: fromUuid('ras', id),
    organizationId: organizationId === null ? null : fromUuid('org', organizationId),
    expiresAt,
    groups: through.map((group) => ({ id: fromUuid('grp', group), name: groups.get(group)?.name ?? '' })),
    roles: way.map((role) => ({ id: fromUuid('rol', role), name: roles.get(role)?.name ?? '' })),
  };
}

/** The permission, and the built-in ones that include it. */
const including = (permission: string): readonly string[] => [
  permission,
  ...Object.keys(permissions).filter((name) => name !== permission && expanded([name]).has(permission)),
];
