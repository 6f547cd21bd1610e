import { Migration } from '@mikro-orm/migrations';

/**
 * Owners manage the connections of their organizations. The identities of a connection go with it, also where it goes with its organization: a
 * later connection of the same slug is another one.
 */
export class Migration0069_organization_connections extends Migration {
  override up(): void {
    this.addSql(
      `update role set permissions = (select array_agg(distinct p order by p) from unnest(permissions || '{organization.connections.manage,organization.connections.read}') p)
         where is_built_in and organization_id is null and name in ('SUPER_ADMIN', 'PLATFORM_ADMIN', 'TENANT_OWNER')`,
    );
    this.addSql(`
      create function connection_forgotten() returns trigger language plpgsql as $$
      begin delete from user_identity where connection = old.slug; return null; end $$
    `);
    this.addSql(
      'create trigger connection_forgotten after delete on connection for each row execute function connection_forgotten()',
    );
  }
}
