import { Migration } from '@mikro-orm/migrations';

/** Organizations, every slug that one of them ever had, their members, and which users may create one. */
export class Migration0041_organizations extends Migration {
  override up(): void {
    this.addSql(`
      create table organization (
        id uuid not null, slug text not null, name text not null, status text not null, closes_at timestamptz(3) null,
        metadata jsonb not null default '{}', public_metadata jsonb not null default '{}', created_by uuid null,
        created_at timestamptz(3) not null, updated_at timestamptz(3) not null,
        constraint organization_pkey primary key (id)
      )
    `);
    this.addSql('alter table organization add constraint organization_slug_unique unique (slug)');
    this.addSql('create index organization_closes_at_index on organization (closes_at)');
    // No foreign key: the slug of an organization that is gone stays taken.
    this.addSql(`
      create table organization_slug (
        slug text not null, organization_id uuid not null, taken_at timestamptz(3) not null,
        constraint organization_slug_pkey primary key (slug)
      )
    `);
    this.addSql(`
      create table organization_member (
        organization_id uuid not null, user_id uuid not null, source text not null, created_at timestamptz(3) not null,
        constraint organization_member_pkey primary key (organization_id, user_id)
      )
    `);
    this.addSql(
      `alter table organization_member add constraint organization_member_organization_id_foreign
         foreign key (organization_id) references organization (id) on delete cascade`,
    );
    this.addSql(
      `alter table organization_member add constraint organization_member_user_id_foreign
         foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql('create index organization_member_user_id_index on organization_member (user_id)');
    this.addSql('alter table users add column can_create_organizations boolean not null default false');
  }
}
