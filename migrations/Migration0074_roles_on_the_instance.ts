import { Migration } from '@mikro-orm/migrations';

/** Permissions on the instance are not computed for users whose roles are all in organizations. */
export class Migration0074_roles_on_the_instance extends Migration {
  override up(): void {
    this.addSql(
      `create or replace function access_instance_permissions(of_user uuid) returns text[] language plpgsql stable as $$
       begin
         if not exists (select 1 from role_assignment a where a.user_id = of_user and a.organization_id is null)
           and not exists (select 1 from user_group_member m where m.user_id = of_user) then return '{}'; end if;
         return coalesce((
           select array_agg(distinct p) from access_roles(of_user, null, null, now()) r cross join unnest(r.held_permissions) p
         ), '{}');
       end $$`,
    );
  }
}
