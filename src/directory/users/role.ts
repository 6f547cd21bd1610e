import { Type } from '@mikro-orm/core';

export type UserStatus = 'active' | 'disabled';

/** The role of a user on the instance. The access slice maps roles to permissions. */
export type Role = 'administrator';

/** The data that decide the permissions of a user on the instance. */
export type RoleHolder = {
  readonly status: UserStatus;
  readonly roles: readonly Role[];
  /** Of all roles of the user on the instance, whatever the status is; the access slice knows which others they bring. */
  readonly permissions: readonly string[];
};

export type RoleRow = { status: UserStatus; is_administrator: boolean; permissions: readonly string[] };
/** The part that says the roles alone. */
export type FlagRow = Pick<RoleRow, 'is_administrator'>;
export const FLAG_COLUMN = 'u.is_administrator';
/** For `select … from users u`: what `roleHolderOf` is read from. The function belongs to the access slice. */
export const ROLE_COLUMNS = 'u.status, u.is_administrator, access_instance_permissions(u.id) as permissions';
/** The status and the roles of a user's row. */
export const roleHolderOf = (row: RoleRow): RoleHolder => ({
  status: row.status,
  roles: rolesOf(row.is_administrator),
  permissions: row.permissions,
});

/** A row with the roles in place of the flag. */
export function withRoles<Row extends FlagRow>(row: Row): Omit<Row, 'is_administrator'> & Pick<RoleHolder, 'roles'> {
  const { is_administrator: flag, ...rest } = row;
  return { ...rest, roles: rolesOf(flag) };
}

const rolesOf = (flag: boolean): readonly Role[] => (flag ? ['administrator'] : []);

/** The one role is stored as a flag, which the release before this one reads as well. */
export class RolesColumn extends Type<readonly Role[], boolean> {
  override convertToDatabaseValue(roles: readonly Role[]): boolean {
    return roles.includes('administrator');
  }

  override convertToJSValue(flag: boolean): readonly Role[] {
    return rolesOf(flag);
  }

  override getColumnType(): string {
    return 'boolean';
  }

  override compareAsType(): string {
    return 'boolean';
  }
}
