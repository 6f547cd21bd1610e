import { Migration } from '@mikro-orm/migrations';

/** Invitations to organizations. Their links are in one_time_secret. */
export class Migration0044_organization_invitations extends Migration {
  override up(): void {
    this.addSql(`
      create table organization_invitation (
        id uuid not null, organization_id uuid not null, email text not null, email_canonical text not null,
        roles text[] not null, language text not null, state text not null, invited_by_type text not null,
        invited_by_id text null, created_at timestamptz(3) not null, expires_at timestamptz(3) not null,
        decided_at timestamptz(3) null,
        constraint organization_invitation_pkey primary key (id)
      )
    `);
    this.addSql(
      `alter table organization_invitation add constraint organization_invitation_organization_id_foreign
         foreign key (organization_id) references organization (id) on delete cascade`,
    );
    this.addSql(
      `create unique index organization_invitation_open_unique on organization_invitation (organization_id, email_canonical)
         where state = 'open'`,
    );
    this.addSql(
      'create index organization_invitation_organization_id_id_index on organization_invitation (organization_id, id)',
    );
    this.addSql(
      'create index organization_invitation_email_canonical_index on organization_invitation (email_canonical)',
    );
    this.addSql('create index organization_invitation_expires_at_index on organization_invitation (expires_at)');
  }
}
