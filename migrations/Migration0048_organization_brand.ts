import { Migration } from '@mikro-orm/migrations';

/** Brands of organizations, and how many organizations a user has created. */
export class Migration0048_organization_brand extends Migration {
  override up(): void {
    // A table of its own: an older process removes from "brand" the rows that belong to no client.
    this.addSql(`
      create table organization_brand (
        organization_id uuid not null, choice jsonb not null default '{}', logo bytea null, dark_logo bytea null,
        changed_at timestamptz(3) not null,
        constraint organization_brand_pkey primary key (organization_id)
      )
    `);
    this.addSql(
      `alter table organization_brand add constraint organization_brand_organization_id_foreign
         foreign key (organization_id) references organization (id) on delete cascade`,
    );
    this.addSql('create index organization_created_by_index on organization (created_by)');
  }
}
