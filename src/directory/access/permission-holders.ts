import type { OrganizationId } from '#directory/organizations/organization.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { Permission } from './permission.ts';

/**
 * A query for the users (`user_id`) who have a role of this name, by an own assignment or one of a group: on the instance, or in the
 * organization that is named.
 */
export function holdersOf(
  bind: (value: unknown) => string,
  { name, organization, now }: { name: string; organization: string | null; now: Date },
): string {
  const [role, place, time] = [bind(name), `${bind(organization)}::uuid`, `${bind(now)}::timestamptz`];
  return `
    with recursive given (user_id, group_id) as (
      select a.user_id, a.group_id from role_assignment a join role r on r.id = a.role_id
      where r.name = ${role} and (r.organization_id is null or r.organization_id = ${place})
        and a.organization_id is not distinct from ${place} and (a.expires_at is null or a.expires_at > ${time})),
    below (id) as (
      select g.id from given join user_group g on g.id = given.group_id
      where g.organization_id is null or g.organization_id = ${place}
      union select p.group_id from user_group_parent p join below b on b.id = p.parent_id)
    select user_id from given where user_id is not null
    union select m.user_id from user_group_member m join below b on b.id = m.group_id`;
}

/** Finds the users who have a permission, on the instance or in an organization. */
export class PermissionHolders {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Users who have it on the instance. At most `most`, oldest accounts first. */
  async usersWith(permission: Permission, most: number): Promise<UserId[]> {
    const rows = await this.#database.sql<{ userId: string }>(
      `with candidate (user_id) as (
         select user_id from role_assignment where user_id is not null and organization_id is null
         union select user_id from user_group_member)
       select user_id as "userId" from candidate where $1 = any(access_instance_permissions(user_id)) order by user_id limit $2`,
      [permission, most],
    );
    return rows.map(({ userId }) => fromUuid('usr', userId));
  }

  /**
   * Members with a role of this organization that carries or inherits the permission, by an own assignment or one of a group. Roles on
   * the instance do not count: an operator of the instance is not an administrator of each organization. At most `most`, oldest members first.
   */
  async membersWith(organizationId: OrganizationId, permission: Permission, most: number): Promise<UserId[]> {
    const rows = await this.#database.sql<{ userId: string }>(
      `with recursive carrying (id) as (
         select id from role where $2 = any(permissions) and (organization_id is null or organization_id = $1)
         union select p.role_id from role_parent p join carrying c on c.id = p.parent_id),
       given (user_id, group_id) as (
         select a.user_id, a.group_id from role_assignment a join carrying c on c.id = a.role_id
         where a.organization_id = $1 and (a.expires_at is null or a.expires_at > $3)),
       below (id) as (
         select g.id from given join user_group g on g.id = given.group_id
         where g.organization_id is null or g.organization_id = $1
         union select p.group_id from user_group_parent p join below b on b.id = p.parent_id),
       holding (user_id) as (
         select user_id from given where user_id is not null
         union select m.user_id from user_group_member m join below b on b.id = m.group_id)
       select m.user_id as "userId" from organization_member m join holding h on h.user_id = m.user_id
       where m.organization_id = $1 order by m.created_at, m.user_id limit $4`,
      [toUuid(organizationId), permission, this.#clock.now(), most],
    );
    return rows.map(({ userId }) => fromUuid('usr', userId));
  }
}
