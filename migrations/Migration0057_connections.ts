import { Migration } from '@mikro-orm/migrations';

/** Connections to upstream identity providers, and the answers of them that were used. */
export class Migration0057_connections extends Migration {
  override up(): void {
    this.addSql(`
      create table connection (
        id uuid not null, slug text not null, organization_id uuid null, name text not null, provider text not null,
        client_id text not null, sealed_secret text null, settings jsonb not null, trusts_email boolean not null,
        creates_users boolean not null, links_by_email boolean not null, trusts_factors boolean not null,
        position int not null, enabled boolean not null, version int not null,
        created_at timestamptz(3) not null, updated_at timestamptz(3) not null,
        constraint connection_pkey primary key (id)
      )
    `);
    this.addSql('alter table connection add constraint connection_slug_unique unique (slug)');
    this.addSql(
      `alter table connection add constraint connection_organization_id_foreign
         foreign key (organization_id) references organization (id) on delete cascade`,
    );
    this.addSql('create index connection_organization_id_index on connection (organization_id)');
    this.addSql(`
      create table used_upstream_state (
        state_hash bytea not null, expires_at timestamptz(3) not null,
        constraint used_upstream_state_pkey primary key (state_hash)
      )
    `);
    this.addSql('create index used_upstream_state_expires_at_index on used_upstream_state (expires_at)');
    // A provider decides which account a user gets, also an account of an administrator: platform administrators only read.
    for (const [role, permissions] of [
      ['SUPER_ADMIN', '{connections.manage,connections.read}'],
      ['PLATFORM_ADMIN', '{connections.read}'],
    ] as const)
      this.addSql(
        `update role set permissions = (select array_agg(distinct p order by p) from unnest(permissions || '${permissions}') p)
           where is_built_in and organization_id is null and name = '${role}'`,
      );
  }
}
