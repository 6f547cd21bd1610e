import { Migration } from '@mikro-orm/migrations';

/** Administrators of an organization read its audit log, and administrators of the instance see and run jobs. */
export class Migration0091_audit_and_jobs extends Migration {
  override up(): void {
    this.addSql(grant('organization.audit.read', 'SUPER_ADMIN', 'PLATFORM_ADMIN', 'TENANT_ADMIN'));
    this.addSql(grant('jobs.manage,jobs.read', 'SUPER_ADMIN', 'PLATFORM_ADMIN'));
  }
}

const grant = (permissions: string, ...roles: string[]): string =>
  `update role set permissions = (select array_agg(distinct p order by p) from unnest(permissions || '{${permissions}}') p)
     where is_built_in and organization_id is null and name in (${roles.map((role) => `'${role}'`).join(', ')})`;
