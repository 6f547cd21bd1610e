import { Migration } from '@mikro-orm/migrations';

export class Migration0005_oidc extends Migration {
  override up(): void {
    this.addSql(`
      create table oidc_artifact (
        id_hash bytea not null, kind text not null, lookup_hash bytea null, grant_hash bytea null,
        account_id text null, client_id text null, expires_at timestamptz(3) not null, consumed_at timestamptz(3) null, revoked_at timestamptz(3) null,
        payload jsonb not null,
        constraint oidc_artifact_pkey primary key (id_hash, kind)
      )
    `);
    this.addSql(`create unique index oidc_artifact_lookup_unique on oidc_artifact (lookup_hash, kind)`);
    this.addSql(`create index oidc_artifact_grant_index on oidc_artifact (grant_hash)`);
    this.addSql(`create index oidc_artifact_account_index on oidc_artifact (account_id, kind)`);
    this.addSql(`create index oidc_artifact_expiry_index on oidc_artifact (expires_at)`);
    this.addSql(`
      create table consent (
        user_id uuid not null, client_id text not null, scopes jsonb not null, claims jsonb not null, resource_scopes jsonb not null,
        created_at timestamptz(3) not null, updated_at timestamptz(3) not null,
        constraint consent_pkey primary key (user_id, client_id)
      )
    `);
    this.addSql(
      `alter table consent add constraint consent_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index consent_client_id_index on consent (client_id)`);
    this.addSql(`
      create table sign_in_progress (
        uid_hash bytea not null, progress jsonb not null, expires_at timestamptz(3) not null,
        constraint sign_in_progress_pkey primary key (uid_hash)
      )
    `);
    this.addSql(`create index sign_in_progress_expires_at_index on sign_in_progress (expires_at)`);
  }
}
