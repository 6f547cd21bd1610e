import { Migration } from '@mikro-orm/migrations';

/** The sessions at upstream providers that sessions here began with. */
export class Migration0071_upstream_sessions extends Migration {
  override up(): void {
    this.addSql(`
      create table upstream_session (
        sign_in_hash bytea not null, session_id text null, user_id uuid null, connection text not null, issuer text not null,
        subject text not null, name text null, sign_out_hint text null, checked_at timestamptz(3) not null,
        constraint upstream_session_pkey primary key (sign_in_hash)
      )
    `);
    this.addSql(
      `alter table upstream_session add constraint upstream_session_user_id_foreign
         foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql('create index upstream_session_session_id_index on upstream_session (session_id)');
    this.addSql('create index upstream_session_user_id_index on upstream_session (user_id)');
    this.addSql('create index upstream_session_subject_index on upstream_session (connection, subject)');
    this.addSql('create index upstream_session_name_index on upstream_session (connection, name)');
    this.addSql('create index upstream_session_checked_at_index on upstream_session (checked_at)');
  }
}
