import type { AuditLog } from '#audit/module.ts';
import type { RoleHolders } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { AccessCheck, type Effective, type TokenSubjects } from './access-check.ts';
import { AssignmentService, type KnownClients } from './assignment-service.ts';
import { Explanations } from './explain.ts';
import { GroupMemberService } from './group-member-service.ts';
import { GroupService } from './group-service.ts';
import { PermissionList } from './permission-list.ts';
import { type ApiScopes, PermissionNames } from './permission-names.ts';
import { Rights } from './rights.ts';
import { RoleService } from './role-service.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  effective: Effective;
  places: { require(organizationId: string): Promise<unknown> };
  administrators: Pick<RoleHolders, 'requireAnotherAdministrator'>;
  apis: ApiScopes;
  clients: KnownClients;
  tokens: TokenSubjects;
};

/** Creates the services that change roles, groups and assignments, and that answer what subjects may do. */
export function createAccessAdministration(deps: Dependencies) {
  const { clock, database, audit, effective, tokens } = deps;
  const rights = new Rights((userId, place) => effective.permissionsOf(userId, place));
  return {
    places: deps.places,
    permissionList: new PermissionList(database, deps.apis),
    roles: new RoleService({ clock, database, audit, permissionNames: new PermissionNames(deps.apis) }),
    groups: new GroupService({ clock, database, audit }),
    groupMembers: new GroupMemberService({ clock, database, audit, rights }),
    assignments: new AssignmentService({
      clock,
      database,
      audit,
      rights,
      administrators: deps.administrators,
      clients: deps.clients,
    }),
    explanations: new Explanations({ clock, database, effective }),
    check: new AccessCheck({ effective, tokens }),
  };
}
