import { Migration } from '@mikro-orm/migrations';

export class Migration0012_second_factors extends Migration {
  override up(): void {
    this.addSql(`
      create table totp_credential (
        user_id uuid not null, name text not null, sealed text not null, algorithm text not null, digits int not null, period int not null,
        last_step int not null, created_at timestamptz(3) not null, used_at timestamptz(3) null,
        constraint totp_credential_pkey primary key (user_id)
      )
    `);
    this.addSql(
      `alter table totp_credential add constraint totp_credential_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`
      create table totp_enrolment (
        user_id uuid not null, holder_hash bytea not null, sealed text not null, expires_at timestamptz(3) not null,
        constraint totp_enrolment_pkey primary key (user_id, holder_hash)
      )
    `);
    this.addSql(
      `alter table totp_enrolment add constraint totp_enrolment_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index totp_enrolment_expires_at_index on totp_enrolment (expires_at)`);
    this.addSql(`
      create table recovery_codes (
        user_id uuid not null, salt bytea not null, hashes text[] not null, created_at timestamptz(3) not null,
        shown_sealed text null, shown_to bytea null, shown_until timestamptz(3) null,
        constraint recovery_codes_pkey primary key (user_id)
      )
    `);
    this.addSql(
      `alter table recovery_codes add constraint recovery_codes_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index recovery_codes_shown_until_index on recovery_codes (shown_until)`);
    this.addSql(`
      create table trusted_device (
        id uuid not null, user_id uuid not null, secret_hash bytea not null, user_agent text not null, ip text not null,
        created_at timestamptz(3) not null, seen_at timestamptz(3) not null, expires_at timestamptz(3) not null,
        constraint trusted_device_pkey primary key (id)
      )
    `);
    this.addSql(
      `alter table trusted_device add constraint trusted_device_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index trusted_device_user_id_index on trusted_device (user_id)`);
    this.addSql(`create index trusted_device_expires_at_index on trusted_device (expires_at)`);
    this.addSql(
      `alter table trusted_device add constraint trusted_device_secret_hash_user_id_unique unique (secret_hash, user_id)`,
    );
    this.addSql(`
      create table second_factor_request (
        user_id uuid not null, asked_at timestamptz(3) null, reset_at timestamptz(3) null,
        constraint second_factor_request_pkey primary key (user_id)
      )
    `);
    this.addSql(
      `alter table second_factor_request add constraint second_factor_request_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
  }
}
