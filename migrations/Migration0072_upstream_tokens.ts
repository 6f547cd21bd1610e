import { Migration } from '@mikro-orm/migrations';

/** Tokens of identity providers, for applications that act there for a user. */
export class Migration0072_upstream_tokens extends Migration {
  override up(): void {
    this.addSql('alter table connection add column stores_tokens boolean not null default false');
    this.addSql(
      `alter table user_identity add column sealed_tokens text null, add column tokens_refresh_until timestamptz(3) null`,
    );
    this.addSql('alter table upstream_session add column sealed_tokens text null');
    // A token of a user acts for the user at the provider: of the roles that exist, only one may fetch it.
    this.addSql(
      `update role set permissions = (select array_agg(distinct p order by p) from unnest(permissions || '{identities.tokens.export}') p)
         where is_built_in and organization_id is null and name = 'SUPER_ADMIN'`,
    );
  }
}
