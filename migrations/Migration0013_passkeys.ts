import { Migration } from '@mikro-orm/migrations';

export class Migration0013_passkeys extends Migration {
  override up(): void {
    this.addSql(`
      create table passkey (
        id uuid not null, user_id uuid not null, credential_id bytea not null, public_key bytea not null, algorithm int not null,
        sign_count bigint not null, transports jsonb not null, aaguid text not null, name text null, is_backup_eligible boolean not null,
        is_backed_up boolean not null, user_verified boolean not null, attestation_format text not null, created_at timestamptz(3) not null,
        last_used_at timestamptz(3) null, flagged_at timestamptz(3) null,
        constraint passkey_pkey primary key (id)
      )
    `);
    this.addSql(
      `alter table passkey add constraint passkey_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index passkey_user_id_index on passkey (user_id)`);
    this.addSql(`alter table passkey add constraint passkey_credential_id_unique unique (credential_id)`);
    this.addSql(`
      create table webauthn_user (
        user_id uuid not null, handle bytea not null, offer_declined_at timestamptz(3) null,
        constraint webauthn_user_pkey primary key (user_id)
      )
    `);
    this.addSql(
      `alter table webauthn_user add constraint webauthn_user_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`alter table webauthn_user add constraint webauthn_user_handle_unique unique (handle)`);
    this.addSql(`
      create table webauthn_challenge (
        hash bytea not null, purpose text not null, binding_hash bytea not null, user_id uuid null, expires_at timestamptz(3) not null,
        constraint webauthn_challenge_pkey primary key (hash)
      )
    `);
    this.addSql(`create index webauthn_challenge_expires_at_index on webauthn_challenge (expires_at)`);
  }
}
