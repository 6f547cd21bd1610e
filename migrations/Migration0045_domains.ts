import { Migration } from '@mikro-orm/migrations';

/**
 * Email domains of organizations, who joined or asked to join by one, machine clients that may act for an organization, and the
 * organization that a user chose last at a client.
 */
export class Migration0045_domains extends Migration {
  override up(): void {
    this.addSql(`
      create table organization_domain (
        id uuid not null, organization_id uuid not null, domain text not null, token text not null, joining text not null,
        verified_at timestamptz(3) null, proved_at timestamptz(3) null, checked_at timestamptz(3) null, problem text null,
        due_at timestamptz(3) null, created_at timestamptz(3) not null,
        constraint organization_domain_pkey primary key (id)
      )
    `);
    this.addSql(
      `alter table organization_domain add constraint organization_domain_organization_id_foreign
         foreign key (organization_id) references organization (id) on delete cascade`,
    );
    this.addSql(
      `alter table organization_domain add constraint organization_domain_organization_id_domain_unique
         unique (organization_id, domain)`,
    );
    this.addSql(
      'create unique index organization_domain_owner_unique on organization_domain (domain) where verified_at is not null',
    );
    this.addSql('create index organization_domain_domain_index on organization_domain (domain)');
    this.addSql('create index organization_domain_due_at_index on organization_domain (due_at)');
    this.addSql(`
      create table organization_join (
        organization_id uuid not null, user_id uuid not null, state text not null, email text not null,
        created_at timestamptz(3) not null, decided_at timestamptz(3) null,
        constraint organization_join_pkey primary key (organization_id, user_id)
      )
    `);
    this.addSql(
      `alter table organization_join add constraint organization_join_organization_id_foreign
         foreign key (organization_id) references organization (id) on delete cascade`,
    );
    this.addSql(
      `alter table organization_join add constraint organization_join_user_id_foreign
         foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql('create index organization_join_user_id_index on organization_join (user_id)');
    // Clients stand here by their ids, which are never given to another client.
    this.addSql(`
      create table organization_client (
        organization_id uuid not null, client_id text not null, allowed_by text null, created_at timestamptz(3) not null,
        constraint organization_client_pkey primary key (organization_id, client_id)
      )
    `);
    this.addSql(
      `alter table organization_client add constraint organization_client_organization_id_foreign
         foreign key (organization_id) references organization (id) on delete cascade`,
    );
    this.addSql('create index organization_client_client_id_index on organization_client (client_id)');
    this.addSql(`
      create table organization_choice (
        user_id uuid not null, client_id text not null, organization_id uuid not null, chosen_at timestamptz(3) not null,
        constraint organization_choice_pkey primary key (user_id, client_id)
      )
    `);
    this.addSql(
      `alter table organization_choice add constraint organization_choice_user_id_foreign
         foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(
      `alter table organization_choice add constraint organization_choice_organization_id_foreign
         foreign key (organization_id) references organization (id) on delete cascade`,
    );
    this.addSql('create index organization_choice_organization_id_index on organization_choice (organization_id)');
  }
}
