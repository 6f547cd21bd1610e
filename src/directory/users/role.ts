import { Type } from '@mikro-orm/core';

export type UserStatus = 'active' | 'disabled';

/** The role of a user on the instance. The access slice maps roles to permissions. */
export type Role = 'administrator';

/** The data that decide the permissions of a user. */
export type RoleHolder = { readonly status: UserStatus; readonly roles: readonly Role[] };

export type RoleRow = { status: UserStatus; is_administrator: boolean };
/** For `select … from users u`: what `roleHolderOf` is read from. */
export const ROLE_COLUMNS = 'u.status, u.is_administrator';
/** The status and the roles of a user's row. */
export const roleHolderOf = (row: RoleRow): RoleHolder => ({
  status: row.status,
  roles: rolesOf(row.is_administrator),
});

/** A row without the columns of roles, and with the roles. */
export function withRoles<Row extends RoleRow>(row: Row): Omit<Row, 'is_administrator'> & Pick<RoleHolder, 'roles'> {
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
