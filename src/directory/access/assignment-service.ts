import type { AuditLog, By } from '#audit/module.ts';
import type { RoleHolders, UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, type Id, newId, toUuid } from '#kernel/ids.ts';
import { type Page, type PageRequest } from '#kernel/operations/list-operation.ts';
import { readSqlPage, sqlFilters } from '#kernel/operations/sql-page.ts';
import { lockPlace, type Place, placeUuid, requireHeld } from './access-scope.ts';
import { SUPER_ADMIN_ID } from './built-in-roles.ts';
import { assignmentInvalid, assignmentNotFound, assignmentTaken, groupNotFound } from './errors.ts';
import { roleAssigned, roleUnassigned } from './events.ts';
import { type GroupId, takeGroup } from './group-service.ts';
import { keepingOwners } from './owners.ts';
import { permissionsOfRoles } from './role-graph.ts';
import { type RoleId, requireRole } from './role-service.ts';
import { requirePerson, type Rights } from './rights.ts';

export type AssignmentId = Id<'ras'>;
/** The user, the group or the machine client that has a role. */
export type Subject = { kind: 'user'; id: UserId } | { kind: 'group'; id: GroupId } | { kind: 'client'; id: string };
export type ShownAssignment = {
  id: AssignmentId;
  subject: Subject;
  role: { id: RoleId; name: string };
  organizationId: Id<'org'> | null;
  expiresAt: Date | null;
  createdAt: Date;
};
type Filter = { subject?: Subject | undefined; role?: string | undefined };
/** Finds a client by its id; the slice of clients answers. */
export type KnownClients = { find(clientId: string): Promise<object | null> };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  rights: Pick<Rights, 'requireOver'>;
  administrators: Pick<RoleHolders, 'requireAnotherAdministrator'>;
  clients: KnownClients;
};

const COLUMNS = `a.id, a.user_id as "userId", a.group_id as "groupId", a.client_id as "clientId", a.role_id as "roleId",
  r.name as "roleName", a.organization_id as "organizationId", a.expires_at as "expiresAt", a.created_at as "createdAt"`;
type Row = {
  id: string;
  userId: string | null;
  groupId: string | null;
  clientId: string | null;
  roleId: string;
  roleName: string;
  organizationId: string | null;
  expiresAt: Date | null;
  createdAt: Date;
};

/** Which user, group or machine client has which role, on the instance or in an organization, and until when. */
export class AssignmentService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** A page of the assignments of a place that are in force and match. */
  async page(place: Place, { subject, role }: Filter, page: PageRequest<'created_at'>): Promise<Page<ShownAssignment>> {
    const column = subject && `a.${subject.kind}_id =`;
    const { condition, values } = sqlFilters(
      [placeUuid(place), this.#deps.clock.now()],
      [column ?? '', subject && (subject.kind === 'client' ? subject.id : toUuid(subject.id))],
      ['r.name =', role],
    );
    return readSqlPage<Row, ShownAssignment>(this.#deps.database, page, {
      statement: (what) =>
        `select ${what} from role_assignment a join role r on r.id = a.role_id
         where (a.organization_id = $1 or ($1::uuid is null and a.organization_id is null))
         and (a.expires_at is null or a.expires_at > $2) and ${condition}`,
      values,
      columns: COLUMNS,
      order: ['a.id'],
      show: shown,
    });
  }

  /** One that is in force. Throws assignments.not_found. */
  async require(place: Place, id: AssignmentId): Promise<ShownAssignment> {
    const found = await findAssignment(this.#deps.database.em(), place, id);
    if (found.expiresAt !== null && found.expiresAt <= this.#deps.clock.now()) throw assignmentNotFound();
    return found;
  }

  /**
   * Gives a role. Throws roles.not_found, users.not_found, organizations.member_not_found, groups.not_found, assignments.invalid,
   * assignments.exists, access.permissions_not_held, organizations.not_found.
   */
  async create(
    place: Place,
    { subject, role: named, expiresAt }: { subject: Subject; role: string; expiresAt: Date | null },
    by: By,
  ): Promise<ShownAssignment> {
    const { clock, database, audit, rights } = this.#deps;
    const now = clock.now();
    if (expiresAt !== null && expiresAt <= now) throw assignmentInvalid({ expires_at: 'must be in the future' });
    if (subject.kind === 'user') await rights.requireOver(subject.id, place, by);
    if (subject.kind === 'client' && (await this.#deps.clients.find(subject.id)) === null)
      throw assignmentInvalid({ client_id: 'must be the id of a client' });
    return database.transaction(async (em) => {
      await lockPlace(em, place);
      const role = await requireRole(em, place, named);
      await requireSubject(em, place, subject, by);
      requireHeld(await permissionsOfRoles(em, [role.id]), place, by);
      const id = newId('ras');
      await removeExpired(em, place, subject, role.id, now);
      const made = await em.execute<unknown[]>(
        `insert into role_assignment (id, user_id, group_id, client_id, role_id, organization_id, expires_at, created_by, created_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing returning 1`,
        [toUuid(id), ...columnsOf(subject), role.id, placeUuid(place), expiresAt, by.actor.id ?? by.actor.type, now],
      );
      if (made.length === 0) throw assignmentTaken();
      const assignment: ShownAssignment = {
        id,
        subject,
        role: { id: fromUuid('rol', role.id), name: role.name },
        organizationId: place,
        expiresAt,
        createdAt: now,
      };
      await audit.record(em, roleAssigned(recorded(assignment, by)));
      return assignment;
    });
  }

  /** Takes a role. Throws assignments.not_found, access.permissions_not_held, organizations.last_owner, users.last_administrator. */
  async delete(place: Place, id: AssignmentId, by: By): Promise<void> {
    const { database, audit, rights, administrators } = this.#deps;
    const { subject } = await findAssignment(database.em(), place, id);
    if (subject.kind === 'user') await rights.requireOver(subject.id, place, by);
    await database.transaction(async (em) => {
      await lockPlace(em, place);
      const assignment = await findAssignment(em, place, id);
      requireHeld(await permissionsOfRoles(em, [toUuid(assignment.role.id)]), place, by);
      if (place === null && assignment.subject.kind === 'user' && toUuid(assignment.role.id) === SUPER_ADMIN_ID)
        await administrators.requireAnotherAdministrator(em, assignment.subject.id);
      await keepingOwners(em, place, null, () =>
        em.execute('delete from role_assignment where id = ? and organization_id is not distinct from ?::uuid', [
          toUuid(id),
          placeUuid(place),
        ]),
      );
      await audit.record(em, roleUnassigned(recorded(assignment, by)));
    });
  }
}

async function findAssignment(em: EntityManager, place: Place, id: AssignmentId): Promise<ShownAssignment> {
  const [row] = await em.execute<Row[]>(
    `select ${COLUMNS} from role_assignment a join role r on r.id = a.role_id
     where a.id = ? and a.organization_id is not distinct from ?::uuid`,
    [toUuid(id), placeUuid(place)],
  );
  if (!row) throw assignmentNotFound();
  return shown(row);
}

/** Groups of the instance can have roles in an organization, given by an actor who may know them. */
async function requireSubject(em: EntityManager, place: Place, subject: Subject, by: By): Promise<void> {
  switch (subject.kind) {
    case 'user':
      return requirePerson(em, place, subject.id);
    case 'group':
      await takeGroup(em, place, subject.id).catch(async (error: unknown) => {
        if (place === null || by.may?.('access.manage') !== true) throw error;
        return takeGroup(em, null, subject.id);
      });
      return undefined;
    case 'client':
      return undefined;
    default:
      throw groupNotFound();
  }
}

/** An assignment whose date is over is in the way of a new one until the next purge. */
async function removeExpired(
  em: EntityManager,
  place: Place,
  subject: Subject,
  roleId: string,
  now: Date,
): Promise<void> {
  const column = `${subject.kind}_id`;
  await em.execute(
    `delete from role_assignment where ${column} = ? and role_id = ? and organization_id is not distinct from ?::uuid
     and expires_at <= ?`,
    [subject.kind === 'client' ? subject.id : toUuid(subject.id), roleId, placeUuid(place), now],
  );
}

/** The columns user_id, group_id and client_id. */
function columnsOf(subject: Subject): [string | null, string | null, string | null] {
  return [
    subject.kind === 'user' ? toUuid(subject.id) : null,
    subject.kind === 'group' ? toUuid(subject.id) : null,
    subject.kind === 'client' ? subject.id : null,
  ];
}

function subjectOf({ userId, groupId, clientId }: Row): Subject {
  if (userId !== null) return { kind: 'user', id: fromUuid('usr', userId) };
  if (groupId !== null) return { kind: 'group', id: fromUuid('grp', groupId) };
  return { kind: 'client', id: clientId ?? '' };
}

const shown = (row: Row): ShownAssignment => ({
  id: fromUuid('ras', row.id),
  subject: subjectOf(row),
  role: { id: fromUuid('rol', row.roleId), name: row.roleName },
  organizationId: row.organizationId === null ? null : fromUuid('org', row.organizationId),
  expiresAt: row.expiresAt,
  createdAt: row.createdAt,
});

const recorded = ({ id, subject, role, organizationId, expiresAt }: ShownAssignment, by: By) => ({
  ...by,
  subject: { type: subject.kind, id: subject.id },
  ...(organizationId === null ? {} : { organizationId }),
  details: {
    assignment_id: id,
    role_id: role.id,
    role: role.name,
    expires_at: expiresAt?.toISOString() ?? null,
  },
});
